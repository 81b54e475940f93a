#include "simulate/config.h"

#include <string.h>

static const char *skip_space(const char *p) { return p + strspn(p, " \t\r\n"); }

static const char *skip_string(const char *p)
{
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && p[1]) p++;
    return *p ? p + 1 : p;
}

static const char *skip_value(const char *p)
{
    if (*p == '"') return skip_string(p);
    if (*p != '{' && *p != '[') return p + strcspn(p, ",]} \t\r\n");
    int depth = 0;
    do {
        if (*p == '"') {
            p = skip_string(p);
            continue;
        }
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        p++;
    } while (*p && depth);
    return p;
}

/* The place of the value of a key in the object at p, or NULL. *name: where the key itself stands. */
static const char *find_key(const char *p, const char *key, const char **name)
{
    size_t len = strlen(key);
    for (p = skip_space(p + 1); *p == '"';) {
        const char *text = p;
        p = skip_space(skip_string(p)); /* ':' */
        bool hit = !strncmp(text + 1, key, len) && text[1 + len] == '"';
        p = skip_space(p + 1);
        if (hit) {
            *name = text;
            return p;
        }
        p = skip_space(skip_value(p));
        if (*p == ',') p = skip_space(p + 1);
    }
    return NULL;
}

static const char *find_index(const char *p, size_t index)
{
    p = skip_space(p + 1);
    for (size_t i = 0; i < index && *p && *p != ']'; i++) {
        p = skip_space(skip_value(p));
        if (*p == ',') p = skip_space(p + 1);
    }
    return *p && *p != ']' ? p : NULL;
}

int config_line(const char *json, const struct config_path *path, size_t steps)
{
    const char *p = skip_space(json), *at = p;
    for (size_t i = 0; i < steps && p; i++) {
        if (path[i].key)
            p = *p == '{' ? find_key(p, path[i].key, &at) : NULL;
        else if ((p = *p == '[' ? find_index(p, path[i].index) : NULL))
            at = p;
    }
    int line = 1;
    for (const char *q = json; q < at; q++) line += *q == '\n';
    return line;
}
