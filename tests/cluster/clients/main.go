// clickhouse-go over the native protocol and over HTTP: argv: host, HTTP port, TCP port, types' SELECT. Prints JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func plain(v any) string {
	r := reflect.ValueOf(v)
	for r.Kind() == reflect.Pointer {
		if r.IsNil() {
			return "null"
		}
		if s, ok := r.Interface().(fmt.Stringer); ok {
			return s.String()
		}
		r = r.Elem()
	}
	if t, ok := r.Interface().(time.Time); ok {
		return t.UTC().Format("2006-01-02 15:04:05.999")
	}
	if r.Kind() == reflect.Slice && r.Type().Elem().Kind() != reflect.Uint8 {
		var parts []string
		for i := 0; i < r.Len(); i++ {
			parts = append(parts, plain(r.Index(i).Interface()))
		}
		return strings.Join(parts, " ")
	}
	if s, ok := r.Interface().(fmt.Stringer); ok {
		return s.String()
	}
	return strings.Trim(fmt.Sprint(r.Interface()), "[]")
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func ask(protocol clickhouse.Protocol, address, types string) map[string]any {
	ctx := context.Background()
	c, err := clickhouse.Open(&clickhouse.Options{Addr: []string{address}, Protocol: protocol,
		Auth: clickhouse.Auth{Database: "Spotify", Username: "bi"}})
	must(err)
	must(c.Ping(ctx))
	v, err := c.ServerVersion()
	must(err)
	out := map[string]any{"version": fmt.Sprintf("%d.%d", v.Version.Major, v.Version.Minor)}
	var tables []string
	rows, err := c.Query(ctx, "SHOW TABLES")
	must(err)
	for rows.Next() {
		var name string
		must(rows.Scan(&name))
		tables = append(tables, name)
	}
	sort.Strings(tables)
	out["tables"] = tables
	var listens, songs uint64
	must(c.QueryRow(clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"m": "11", "u": "[98,8,41]"})),
		"SELECT sum(listen_count) FROM daily_user_listen_counts WHERE month = {m:UInt8} AND userId IN {u:Array(Int64)}").Scan(&listens))
	must(c.QueryRow(ctx, "SELECT count() FROM top_songs_by_play_count WHERE song = ?", "it's \\ a\ttest").Scan(&songs))
	out["listens"], out["song"] = listens, songs
	n := 0
	rows, err = c.Query(ctx, "SELECT * FROM listening_days")
	must(err)
	for rows.Next() {
		n++
	}
	must(rows.Err())
	out["rows"] = n
	rows, err = c.Query(ctx, types)
	must(err)
	rows.Next()
	values := make([]any, len(rows.Columns()))
	for i, t := range rows.ColumnTypes() {
		values[i] = reflect.New(t.ScanType()).Interface()
	}
	must(rows.Scan(values...))
	texts := map[string]string{}
	for i, name := range rows.Columns() {
		texts[name] = plain(values[i])
	}
	must(rows.Close())
	out["types"] = texts
	if err := c.Exec(ctx, "INSERT INTO churn SELECT 'x', 1, 1, 1, 1"); err != nil {
		out["error"] = err.Error()
	}
	return out
}

func main() {
	host, types := os.Args[1], os.Args[4]
	must(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"go native": ask(clickhouse.Native, host+":"+os.Args[3], types),
		"go http":   ask(clickhouse.HTTP, host+":"+os.Args[2], types)}))
}
