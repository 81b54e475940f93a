/* Power loss. What a lake does to its disk is recorded (names made, moved and removed, files and folders synced) and then
 * cut off after every single step: what was synced stays, and of what was not, each change of a name stays or goes as a
 * coin falls, and a file's unsynced bytes are gone. Each such disk is written out, opened, audited and recounted: every
 * batch must be there wholly or not at all, and none that was acknowledged before the cut may be missing.
 *
 * The disk is a tree of nodes. A change of names ("op") sets one or two folder entries at once, as a journaling file system
 * does; it is certain when a folder that it changed was synced afterwards. Changes are applied in their order; one that is
 * dropped leaves what it would have changed. */
#include "base/test.h"
#include "lake/fixture.h"
#include "lake/internal.h"

struct name {
    char *text;
    int node;
};

struct node {
    bool dir;
    struct name *name; /* of a folder */
    size_t names, name_cap;
    struct buf synced; /* of a file: its bytes at the last fsync */
    int synced_at;     /* after so many events; -1: never */
};

struct set { /* folder entry := node (-1: none) */
    int folder, node;
    char *name;
};

struct op {
    struct set set[2];
    int sets;
    int at;      /* event number */
    int certain; /* the event that made it durable; INT_MAX: never */
};

struct disk {
    char folder[64];
    struct node *node;
    size_t nodes, node_cap;
    struct op *op;
    size_t ops, op_cap;
    int event;
    /* the acknowledged position after each event */
    int64_t *acked;
    size_t acked_cap;
    int64_t position;
    int links, stops;
    bool lost; /* the recording met something it does not know */
};

static int new_node(struct disk *d, bool dir)
{
    mem_grow(&d->node, &d->node_cap, d->nodes + 1, sizeof *d->node);
    memset(&d->node[d->nodes], 0, sizeof *d->node);
    d->node[d->nodes].dir = dir;
    d->node[d->nodes].synced_at = -1;
    return (int)d->nodes++;
}

static int entry_of(const struct disk *d, int folder, const char *name)
{
    for (size_t i = 0; i < d->node[folder].names; i++)
        if (!strcmp(d->node[folder].name[i].text, name)) return d->node[folder].name[i].node;
    return -1;
}

static void set_entry(struct node *f, const char *name, int node)
{
    size_t i = 0;
    while (i < f->names && strcmp(f->name[i].text, name)) i++;
    if (i == f->names && node >= 0) {
        mem_grow(&f->name, &f->name_cap, i + 1, sizeof *f->name);
        f->name[i].text = mem_strdup(name);
        f->names++;
    }
    if (node >= 0) f->name[i].node = node;
    else if (i < f->names) {
        mem_free(f->name[i].text);
        f->name[i] = f->name[--f->names];
    }
}

/* The folder that holds path, and the name in it; -1: there is none. */
static int find_folder(const struct disk *d, const char *path, const char **name)
{
    int at = 0;
    for (const char *slash; at >= 0 && (slash = strchr(path, '/')); path = slash + 1) {
        char *part = mem_strndup(path, (size_t)(slash - path));
        at = entry_of(d, at, part);
        mem_free(part);
    }
    *name = path;
    return at;
}

static void change(struct disk *d, int sets, const char *a, int node_a, const char *b, int node_b)
{
    struct op op = {.sets = sets, .at = d->event, .certain = INT32_MAX};
    const char *path[2] = {a, b};
    const int node[2] = {node_a, node_b};
    for (int i = 0; i < sets; i++) {
        const char *name;
        op.set[i].folder = find_folder(d, path[i], &name);
        op.set[i].name = mem_strdup(name);
        op.set[i].node = node[i];
        if (op.set[i].folder < 0) d->lost = true;
    }
    for (int i = 0; i < sets && !d->lost; i++) set_entry(&d->node[op.set[i].folder], op.set[i].name, op.set[i].node);
    mem_grow(&d->op, &d->op_cap, d->ops + 1, sizeof *d->op);
    d->op[d->ops++] = op;
}

static int find(const struct disk *d, const char *path)
{
    const char *name;
    int folder = *path ? find_folder(d, path, &name) : 0;
    return !*path ? 0 : folder < 0 ? -1 : entry_of(d, folder, name);
}

static void record(void *ctx, enum store_op what, const char *a, const char *b)
{
    struct disk *d = ctx;
    int x = find(d, a), y = b ? find(d, b) : -1;
    mem_grow(&d->acked, &d->acked_cap, (size_t)d->event + 1, sizeof *d->acked);
    d->acked[d->event++] = d->position;
    switch (what) {
    case STORE_OP_CREATE: change(d, 1, a, new_node(d, false), NULL, 0); break;
    case STORE_OP_MKDIR: change(d, 1, a, new_node(d, true), NULL, 0); break;
    case STORE_OP_LINK:
        d->links++;
        change(d, 1, b, x, NULL, 0);
        break;
    case STORE_OP_RENAME: change(d, 2, a, -1, b, x); break;
    case STORE_OP_EXCHANGE: change(d, 2, a, y, b, x); break;
    case STORE_OP_REMOVE:
        if (x >= 0) change(d, 1, a, -1, NULL, 0);
        break;
    case STORE_OP_FSYNC: {
        char *full = io_path(d->folder, a);
        struct error e;
        buf_clear(&d->node[x].synced);
        if (x < 0 || io_read_file(full, &d->node[x].synced, &e) != ERR_OK) d->lost = true;
        else d->node[x].synced_at = d->event;
        mem_free(full);
        break;
    }
    case STORE_OP_FSYNC_DIR:
        for (size_t i = 0; i < d->ops; i++)
            for (int k = 0; k < d->op[i].sets; k++)
                if (d->op[i].set[k].folder == x && d->op[i].certain > d->event) d->op[i].certain = d->event;
        break;
    }
    if ((what == STORE_OP_RENAME || what == STORE_OP_LINK) && x < 0) d->lost = true;
}

/* ---- cutting ---- */

struct tree { /* folder entries only; nodes are the disk's */
    struct node *node;
    size_t nodes;
};

static void write_out(const struct disk *d, const struct tree *t, int node, const char *path, int cut)
{
    struct error e;
    if (!d->node[node].dir) {
        const struct buf *b = &d->node[node].synced;
        bool synced = d->node[node].synced_at >= 0 && d->node[node].synced_at <= cut;
        assert_ok(io_write_file(path, synced && b->ptr ? b->ptr : "", synced ? b->len : 0, false, &e), &e);
        return;
    }
    assert_ok(io_make_dirs(path, &e), &e);
    for (size_t i = 0; i < t->node[node].names; i++) {
        char *below = io_path(path, t->node[node].name[i].text);
        write_out(d, t, t->node[node].name[i].node, below, cut);
        mem_free(below);
    }
}

/* The disk as it may look after a power loss at event `cut`; chance: of an unsynced change to stay, in 1/8. */
static void after_loss(const struct disk *d, int cut, unsigned *seed, unsigned chance, const char *to)
{
    struct tree t = {mem_zalloc(d->nodes * sizeof *t.node), d->nodes};
    for (size_t i = 0; i < d->ops && d->op[i].at <= cut; i++) {
        const struct op *op = &d->op[i];
        bool stays = op->certain <= cut || (unsigned)rand_r(seed) / 7 % 8 < chance;
        for (int k = 0; k < op->sets && stays; k++) set_entry(&t.node[op->set[k].folder], op->set[k].name, op->set[k].node);
    }
    write_out(d, &t, 0, to, cut);
    for (size_t i = 0; i < t.nodes; i++) {
        for (size_t k = 0; k < t.node[i].names; k++) mem_free(t.node[i].name[k].text);
        mem_free(t.node[i].name);
    }
    mem_free(t.node);
}

static bool lake_is_whole(const char *folder, int64_t acked)
{
    struct lake *lake;
    struct lake_totals totals;
    struct error e;
    char text[1600];
    enum err rc = lake_open(folder, LAKE_WRITER, &lake, &e);
    if (rc == ERR_NOT_FOUND) return acked == 0;
    if (rc != ERR_OK) {
        print_error("%s\n", err_format(&e, text, sizeof text));
        return false;
    }
    lake_totals(lake, &totals);
    int64_t position = world_position(lake), refined = totals.topic_count ? position - totals.topic[0].pending_rows : 0;
    bool ok = position >= acked && world_audit(lake) && world_is_right(folder, refined);
    if (position < acked) print_error("position %lld, but %lld was acknowledged\n", (long long)position, (long long)acked);
    lake_totals_free(&totals);
    /* And life goes on. */
    for (int i = 0; ok && i < 3; i++) ok = world_step(lake, &e) == ERR_OK;
    ok = ok && world_audit(lake);
    lake_close(&lake);
    return ok;
}

/* ---- recording ---- */

static void free_disk(struct disk *d)
{
    for (size_t i = 0; i < d->nodes; i++) {
        for (size_t k = 0; k < d->node[i].names; k++) mem_free(d->node[i].name[k].text);
        mem_free(d->node[i].name);
        buf_reset(&d->node[i].synced);
    }
    for (size_t i = 0; i < d->ops; i++)
        for (int k = 0; k < d->op[i].sets; k++) mem_free(d->op[i].set[k].name);
    mem_free(d->node);
    mem_free(d->op);
    mem_free(d->acked);
    struct error e;
    assert_ok(io_remove_tree(d->folder, &e), &e);
}

/* What is there already is durable: the new lake, made before the recording. */
static void take_stock(struct disk *d, int folder, const char *path)
{
    struct io_names names;
    struct error e;
    assert_ok(io_list_dir(path, &names, &e), &e);
    for (size_t i = 0; i < names.count; i++) {
        char *below = io_path(path, names.name[i]);
        int node = new_node(d, io_is_dir(below));
        set_entry(&d->node[folder], names.name[i], node);
        mem_grow(&d->op, &d->op_cap, d->ops + 1, sizeof *d->op);
        d->op[d->ops++] = (struct op){.sets = 1, .at = -1, .certain = -1, .set = {{folder, node, mem_strdup(names.name[i])}}};
        if (d->node[node].dir) {
            take_stock(d, node, below);
        } else {
            assert_ok(io_read_file(below, &d->node[node].synced, &e), &e);
            d->node[node].synced_at = 0;
        }
        mem_free(below);
    }
    io_names_free(&names);
}

static void open_recording(struct disk *d, unsigned lacks, struct lake **lake)
{
    struct store *s;
    struct error e;
    assert_ok(store_open(d->folder, 0, &s, &e), &e);
    store_trace(s, record, d);
    store_lacks(s, lacks);
    assert_ok(lake_open_store(s, LAKE_WRITER, lake, &e), &e);
}

/* Now and then a failure injected by main stops the writer short (a crash of the process alone: what it did not sync is
 * still seen by the next one). The next one recovers, recorded too. */
static void live_and_record(struct disk *d, int steps, unsigned lacks)
{
    struct lake *lake;
    struct error e;
    memset(d, 0, sizeof *d);
    assert_true(world_folder(d->folder));
    assert_ok(lake_init(d->folder, &e), &e);
    new_node(d, true);
    take_stock(d, 0, d->folder);
    open_recording(d, lacks, &lake);
    for (int i = 0; i < steps; i++) {
        enum err rc = world_step(lake, &e);
        if (rc == ERR_OK) {
            d->position = world_position(lake);
            continue;
        }
        assert_int_equal(rc, ERR_IO);
        d->stops++;
        i--;
        lake_close(&lake);
        open_recording(d, lacks, &lake);
    }
    lake_close(&lake);
    assert_false(d->lost);
}

static void cut_everywhere(int steps, unsigned lacks, int stride)
{
    struct disk d;
    struct error e;
    char after[64];
    const char *given = getenv("POWER_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL), first = seed;
    print_message("POWER_SEED=%u\n", seed);
    live_and_record(&d, steps, lacks);
    assert_true(d.event > steps * 10);
    assert_true(d.links > 2); /* the life was varied enough: folders were exchanged that kept files */
    assert_true(lacks || d.stops == 5); /* and the writer was stopped */
    for (int cut = (int)(seed % (unsigned)stride); cut < d.event; cut += stride)
        for (unsigned chance = 0; chance <= 8; chance += 4) { /* nothing unsynced stays; some; all */
            assert_true(world_folder(after));
            after_loss(&d, cut, &seed, chance, after);
            bool ok = lake_is_whole(after, d.acked[cut]);
            if (!ok) fail_msg("cut after event %d of %d, chance %u/8, POWER_SEED=%u; the disk is in %s", cut, d.event, chance, first, after);
            assert_ok(io_remove_tree(after, &e), &e);
        }
    free_disk(&d);
}

static int stride(void)
{
    const char *text = getenv("POWER_STRIDE"); /* 1: every event (make test-faults) */
    return text ? atoi(text) : 7;
}

static void power_loss_at_any_moment(void **state)
{
    (void)state;
    cut_everywhere(45, 0, stride());
}

static void power_loss_on_a_lesser_file_system(void **state)
{
    (void)state;
    cut_everywhere(45, STORE_LACKS_EXCHANGE | STORE_LACKS_NOREPLACE, stride() * 2);
}

int main(void)
{
    /* Read once, when the first point is passed; all strike in the first recorded life. */
    setenv("LAKEFM_FAULT", "lake.commit.log:4=eio,lake.commit.log:12=eio,lake.move:60=eio,lake.commit.sync:25=eio,lake.commit.log:33=eio", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(power_loss_at_any_moment),
        cmocka_unit_test(power_loss_on_a_lesser_file_system),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
