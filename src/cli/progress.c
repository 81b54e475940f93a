#include "cli/cli.h"

#include "base/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

char *cli_human_bytes(uint64_t bytes, char out[32])
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    double n = (double)bytes;
    int unit = 0;
    while (n >= 999.5 && unit < 5) n /= 1000, unit++;
    snprintf(out, 32, unit == 0 || n >= 99.95 ? "%.0f %s" : "%.1f %s", n, units[unit]);
    return out;
}

char *cli_human_count(int64_t n, char out[32])
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;
    for (int i = 0; i < len; i++) {
        if (i > (digits[0] == '-') && (len - i) % 3 == 0) out[at++] = ',';
        out[at++] = digits[i];
    }
    out[at] = '\0';
    return out;
}

char *cli_human_ms(int64_t ms, char out[32])
{
    long long s = ms / 1000;
    if (ms < 1000)
        snprintf(out, 32, "%lld ms", (long long)ms);
    else if (ms < 60000)
        snprintf(out, 32, "%.1f s", (double)ms / 1000);
    else if (s < 3600)
        snprintf(out, 32, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, 32, "%lld h %lld min", s / 3600, s % 3600 / 60);
    else
        snprintf(out, 32, "%lld d %lld h", s / 86400, s % 86400 / 3600);
    return out;
}

void cli_progress_start(struct cli_progress *p, const struct cli *cli, const char *what, const char *unit, int64_t total)
{
    *p = (struct cli_progress){.what = what, .unit = unit, .total = total, .started_ns = clock_mono_ns()};
    p->on = isatty(STDERR_FILENO) && !cli->config.quiet && !cli->config.json;
}

static void add_amount(const struct cli_progress *p, int64_t n, char out[32])
{
    if (!strcmp(p->unit, "bytes"))
        cli_human_bytes((uint64_t)n, out);
    else
        cli_human_count(n, out);
}

void cli_progress_at(struct cli_progress *p, int64_t done)
{
    enum { SHOW_NS = 100000000 };
    if (!p->on) return;
    uint64_t now = clock_mono_ns();
    if (now - p->shown_ns < SHOW_NS) return;
    p->shown_ns = now;
    double seconds = (double)(now - p->started_ns) / 1e9;
    double rate = seconds > 0 ? (double)done / seconds : 0;
    char amount[32], speed[32], left[64] = "", percent[16] = "", time[32];
    bool bytes = !strcmp(p->unit, "bytes");
    add_amount(p, done, amount);
    add_amount(p, (int64_t)rate, speed);
    if (p->total > 0) {
        snprintf(percent, sizeof percent, " %3.0f %%", 100.0 * (double)done / (double)p->total);
        if (rate > 0 && done < p->total && seconds > 0.5)
            snprintf(left, sizeof left, ", %s left", cli_human_ms((int64_t)(1000.0 * (double)(p->total - done) / rate), time));
    }
    char line[256];
    int n = snprintf(line, sizeof line, "\r\033[K%s%s  %s%s%s  %s/s%s", p->what, percent, amount, bytes ? "" : " ",
                     bytes ? "" : p->unit, speed, left);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0) p->on = false;
}

void cli_progress_end(struct cli_progress *p)
{
    if (p->on && p->shown_ns && write(STDERR_FILENO, "\r\033[K", 4) < 0) p->on = false;
    p->on = false;
}
