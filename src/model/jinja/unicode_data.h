/* The generated tables of unicode_data.c. Sorted by code point. */
#ifndef LAKEFM_MODEL_JINJA_UNICODE_DATA_H
#define LAKEFM_MODEL_JINJA_UNICODE_DATA_H

#include <stddef.h>
#include <stdint.h>

enum { UNI_SPACE = 1, UNI_ALPHA = 2, UNI_DECIMAL = 4, UNI_DIGIT = 8, UNI_NUMERIC = 16, UNI_IS_UPPER = 32, UNI_IS_LOWER = 64, UNI_IS_TITLE = 128,
       UNI_PRINTABLE = 256, UNI_CASED = 512, UNI_IGNORABLE = 1024 };
struct uni_range {
    uint32_t from, to;
    uint16_t flags;
};
struct uni_mapping {
    uint32_t from, to[3]; /* zeros fill up */
};
extern const struct uni_range uni_ranges[];
extern const struct uni_mapping uni_to_lower[], uni_to_upper[], uni_to_title[], uni_to_fold[]; /* title: where it is not upper; fold: not lower */
extern const size_t uni_range_count, uni_to_lower_count, uni_to_upper_count, uni_to_title_count, uni_to_fold_count;

#endif
