// clickhouse-jdbc (Metabase's driver), with Metabase's own connection properties: args: host, HTTP port, TCP port, types' SELECT.
import java.sql.*;
import java.util.*;

class Jdbc {
    static String quote(Object v) {
        return "\"" + String.valueOf(v).replace("\\", "\\\\").replace("\"", "\\\"").replace("\t", "\\t").replace("\n", "\\n") + "\"";
    }

    static String plain(Object v) throws SQLException {
        if (v == null) return "null";
        if (v instanceof java.sql.Array) v = ((java.sql.Array) v).getArray();
        if (v.getClass().isArray()) {
            List<String> parts = new ArrayList<>();
            for (int i = 0; i < java.lang.reflect.Array.getLength(v); i++) parts.add(plain(java.lang.reflect.Array.get(v, i)));
            return String.join(" ", parts);
        }
        if (v instanceof java.math.BigDecimal) return ((java.math.BigDecimal) v).toPlainString();
        return String.valueOf(v);
    }

    public static void main(String[] a) throws Exception {
        Properties p = new Properties();
        p.setProperty("user", "bi");
        p.setProperty("password", "");
        p.setProperty("ssl", "false");
        p.setProperty("compress", "true");
        TimeZone.setDefault(TimeZone.getTimeZone("UTC"));
        StringBuilder out = new StringBuilder("{\"jdbc\":{");
        try (Connection c = DriverManager.getConnection("jdbc:clickhouse://" + a[0] + ":" + a[1] + "/Spotify", p); Statement s = c.createStatement()) {
            if (!c.isValid(5)) throw new Exception("not valid");
            DatabaseMetaData m = c.getMetaData();
            out.append("\"version\":").append(quote(m.getDatabaseProductVersion()));
            TreeSet<String> tables = new TreeSet<>();
            int columns = 0, keys = 0;
            try (ResultSet r = m.getTables(null, "Spotify", "%", null)) { while (r.next()) tables.add(r.getString("TABLE_NAME")); }
            try (ResultSet r = m.getColumns(null, "Spotify", "daily_user_listen_counts", "%")) { while (r.next()) columns++; }
            try (ResultSet r = m.getPrimaryKeys(null, "Spotify", "daily_user_listen_counts")) { while (r.next()) keys++; }
            StringJoiner names = new StringJoiner(",", "[", "]");
            for (String t : tables) names.add(quote(t));
            out.append(",\"tables\":").append(names).append(",\"columns\":").append(columns);
            for (String t : tables) s.executeQuery("SELECT TRUE AS `_` FROM `Spotify`.`" + t + "` WHERE 1 <> 1 LIMIT 0").close(); // Metabase's sync
            try (PreparedStatement q = c.prepareStatement("-- Metabase\nSELECT sum(listen_count) FROM daily_user_listen_counts WHERE month = ? AND userId IN (?, ?, ?)")) {
                q.setInt(1, 11);
                q.setLong(2, 98);
                q.setLong(3, 8);
                q.setLong(4, 41);
                try (ResultSet r = q.executeQuery()) { r.next(); out.append(",\"listens\":").append(r.getLong(1)); }
            }
            try (PreparedStatement q = c.prepareStatement("SELECT count() FROM top_songs_by_play_count WHERE song = ?")) {
                q.setString(1, "it's \\ a\ttest");
                try (ResultSet r = q.executeQuery()) { r.next(); out.append(",\"song\":").append(r.getLong(1)); }
            }
            int n = 0;
            try (ResultSet r = s.executeQuery("SELECT * FROM listening_days")) { while (r.next()) n++; }
            out.append(",\"rows\":").append(n);
            StringJoiner types = new StringJoiner(",", "{", "}");
            try (ResultSet r = s.executeQuery(a[3])) {
                r.next();
                ResultSetMetaData d = r.getMetaData();
                for (int i = 1; i <= d.getColumnCount(); i++) types.add(quote(d.getColumnLabel(i)) + ":" + quote(plain(r.getObject(i))));
            }
            out.append(",\"types\":").append(types);
            try {
                s.execute("INSERT INTO churn SELECT 'x', 1, 1, 1, 1");
            } catch (SQLException e) {
                out.append(",\"error\":").append(quote("Code: " + e.getErrorCode() + " " + e.getMessage()));
            }
        }
        System.out.println(out.append("}}"));
    }
}
