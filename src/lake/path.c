#include "lake/path.h"

#include "base/clock.h"

#include <string.h>

const char *lake_layer_name(enum lake_layer layer)
{
    static const char *const names[] = {"bronze", "silver", "gold", "quarantine"};
    return (unsigned)layer < LAKE_LAYERS ? names[layer] : "?";
}

void lake_path_folder(struct buf *out, const struct lake_part *part)
{
    char date[CLOCK_ISO_MAX];
    buf_printf(out, "%s/%s", lake_layer_name(part->layer), part->table);
    if (part->date != LAKE_NO_DATE) buf_printf(out, "/date=%s", clock_format_date(part->date, date));
    if (part->hour >= 0) buf_printf(out, "/hour=%02d", part->hour);
}

void lake_path_name(struct buf *out, const struct lake_part *part, uint64_t batch)
{
    if (part->k == LAKE_K_SINGLE) buf_printf(out, "part-0.%s", part->ext);
    else if (part->k < 0) buf_printf(out, "part-%08llu.%s", (unsigned long long)batch, part->ext);
    else buf_printf(out, "part-%08llu-%d.%s", (unsigned long long)batch, part->k, part->ext);
}

void lake_path_part(struct buf *out, const struct lake_part *part, uint64_t batch)
{
    lake_path_folder(out, part);
    buf_char(out, '/');
    lake_path_name(out, part, batch);
}

void lake_path_entry(struct buf *out, uint64_t number) { buf_printf(out, "log/%020llu.json", (unsigned long long)number); }

void lake_path_glob(struct buf *out, enum lake_layer layer, const char *table, bool partitioned)
{
    const char *folders = !partitioned ? "" : layer == LAKE_BRONZE ? "/*/*" : "/*";
    bool json = layer == LAKE_BRONZE || layer == LAKE_QUARANTINE;
    buf_printf(out, "%s/%s%s/part-*.%s", lake_layer_name(layer), table, folders, json ? "json.gz" : "parquet");
}

enum err lake_name_check(const char *name, const char *what, struct error *e)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t n = strlen(name);
    if (n && n <= 128 && strspn(name, allowed) == n && *name != '.' && *name != '-') return ERR_OK;
    err_set(e, ERR_USAGE, "%s \"%.200s\" cannot be a folder's name", what, name);
    err_hint(e, "use letters, digits, '_', '-' and '.', 128 at most, and begin with a letter, digit or '_'");
    return ERR_USAGE;
}
