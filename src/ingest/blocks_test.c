#include "ingest/blocks.h"

#include "base/mem.h"
#include "base/test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int file_with(const void *p, size_t len)
{
    char name[] = "/tmp/lakefm-blocks-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    unlink(name);
    assert_int_equal(write(fd, p, len), (ssize_t)len);
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Lines of random lengths, some longer than a block, some blank: put together again they are the content. */
static void blocks_are_whole_lines_and_add_up(void **state)
{
    (void)state;
    struct error e;
    struct buf content = {0}, block = {0}, back = {0};
    uint64_t seed = 7;
    for (int i = 0; i < 3000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t len = i % 997 == 0 ? INGEST_BLOCK + 500000 : (seed >> 33) % 1200;
        memset(buf_reserve(&content, len), 'a' + i % 26, len);
        content.len += len;
        buf_char(&content, '\n');
    }
    buf_str(&content, "last without newline");
    struct ingest_blocks blocks;
    assert_ok(ingest_blocks_open(file_with(content.ptr, content.len), "input", 0, &blocks, &e), &e);
    bool added, any_added = false;
    for (;;) {
        assert_ok(ingest_blocks_next(&blocks, &block, &added, &e), &e);
        if (!block.len) break;
        any_added |= added;
        assert_int_equal(block.ptr[block.len - 1], '\n');
        assert_true(block.len <= INGEST_BLOCK + 1 || (char *)memchr(block.ptr, '\n', block.len) >= block.ptr + INGEST_BLOCK);
        buf_add(&back, block.ptr, block.len);
    }
    assert_true(any_added);
    assert_int_equal(blocks.next, content.len);
    assert_int_equal(back.len, content.len + 1);
    assert_memory_equal(back.ptr, content.ptr, content.len);
    assert_true(hash_eq(hasher_sum(blocks.hasher), hash_128(content.ptr, content.len)));
    ingest_blocks_close(&blocks);

    /* from the middle: the hash is still that of the whole */
    assert_ok(ingest_blocks_open(file_with(content.ptr, content.len), "input", 1000001, &blocks, &e), &e);
    do assert_ok(ingest_blocks_next(&blocks, &block, &added, &e), &e);
    while (block.len);
    assert_true(hash_eq(hasher_sum(blocks.hasher), hash_128(content.ptr, content.len)));
    ingest_blocks_close(&blocks);
    assert_int_equal(ingest_blocks_open(file_with("abc", 3), "input", 9, &blocks, &e), ERR_INPUT);
    buf_reset(&content);
    buf_reset(&block);
    buf_reset(&back);
}

static void blank_lines_go_and_are_counted(void **state)
{
    (void)state;
    struct buf block = {0};
    struct ingest_lines lines = {0};
    buf_str(&block, "\n\r\na\nb\r\n\n\nc\n \n\n");
    ingest_lines_scan(&block, &lines);
    assert_int_equal(lines.lines, 9);
    assert_int_equal(lines.records, 4);
    assert_int_equal(block.len, strlen("a\nb\r\nc\n \n"));
    assert_memory_equal(block.ptr, "a\nb\r\nc\n \n", block.len);
    assert_int_equal(lines.run_count, 2);
    assert_int_equal(lines.run[0].first, 2);
    assert_int_equal(lines.run[0].count, 2);
    assert_int_equal(lines.run[1].first, 6);
    assert_int_equal(lines.run[1].count, 2);
    buf_clear(&block);
    buf_str(&block, "\n\n");
    ingest_lines_scan(&block, &lines);
    assert_int_equal(lines.records, 0);
    assert_int_equal(block.len, 0);
    buf_reset(&block);
    mem_free(lines.run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_whole_lines_and_add_up),
        cmocka_unit_test(blank_lines_go_and_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
