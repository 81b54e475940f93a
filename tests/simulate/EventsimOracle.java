import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.DayOfWeek;
import java.time.Duration;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;

/**
 * eventsim's events a second time, written from its rules, not from src/simulate: slow and plain, on the JVM with the
 * types eventsim uses (32-bit ints that saturate and wrap, LocalDateTime, Math.log, Float.toString). What `lakefm simulate`
 * writes must be equal to this to the last byte.
 *
 *     java EventsimOracle.java --catalog DIR --config F [eventsim's options] OUTPUT_DIR
 *
 * --catalog: the folder of songs.tsv.gz, us_places.tsv.gz, first_names.tsv.gz, last_names.tsv.gz, user_agents.tsv.gz.
 * A long seed is read as such; eventsim's own option takes an int, its configuration any number.
 */
public class EventsimOracle {
    static final int SECONDS_PER_DAY = 86400;
    static final double SECONDS_PER_YEAR = SECONDS_PER_DAY * 365.25;

    public static void main(String[] args) throws IOException {
        Options options = Options.read(args);
        Config config = Config.read(options.text("config"));
        new EventsimOracle(options, config).run();
    }

    // ---- command line

    static final class Options {
        private static final Map<String, String> SHORT = Map.of("-c", "config", "-n", "nusers", "-s", "start-time", "-e",
            "end-time", "-g", "growth-rate", "-a", "attrition-rate", "-u", "userid", "-r", "randomseed");
        private final Map<String, String> given = new HashMap<>();

        static Options read(String[] args) {
            Options o = new Options();
            for (int i = 0; i < args.length; i++) {
                String a = args[i];
                if (SHORT.containsKey(a)) o.given.put(SHORT.get(a), args[++i]);
                else if (a.startsWith("--") && a.contains("=")) o.given.put(a.substring(2, a.indexOf('=')), a.substring(a.indexOf('=') + 1));
                else if (a.startsWith("--")) o.given.put(a.substring(2), args[++i]);
                else o.given.put("output-dir", a);
            }
            return o;
        }

        boolean has(String name) { return given.containsKey(name); }
        String text(String name) {
            if (!has(name)) throw new IllegalArgumentException("Required option '" + name + "' not found");
            return given.get(name);
        }
        int integer(String name, int otherwise) { return has(name) ? Integer.parseInt(given.get(name)) : otherwise; }
        double number(String name, double otherwise) { return has(name) ? Double.parseDouble(given.get(name)) : otherwise; }
    }

    // ---- configuration

    record StateKey(String page, String auth, int status, String method, String level) {}
    record Who(String auth, String level) {}

    /** A page and where it leads: ranges of [0,1), in the order of the file. */
    static final class State {
        final StateKey key;
        private final LinkedHashMap<State, double[]> ranges = new LinkedHashMap<>();

        State(StateKey key) { this.key = key; }

        void lead(State dest, double p) {
            double start = ranges.isEmpty() ? 0.0 : ranges.values().stream().mapToDouble(r -> r[1]).max().getAsDouble();
            if (start + p > 1.0) throw new IllegalStateException("total transition probability greater than 1: " + key);
            ranges.remove(dest); // a later range replaces the earlier one, whose place becomes the session's end
            ranges.put(dest, new double[] {start, start + p});
        }

        State next(double x) {
            for (Map.Entry<State, double[]> e : ranges.entrySet())
                if (x >= e.getValue()[0] && x < e.getValue()[1]) return e.getKey();
            return null;
        }
    }

    static final class Config {
        double alpha = 60.0, beta = SECONDS_PER_DAY * 3, damping = 0.0625, weekendDamping = 0.5;
        int offset = 6, scale = 6, sessionGap = 30 * 60;
        long seed = 0;
        String churned = "", newUserAuth = "Guest", newUserLevel = "Free", tag;
        Integer users, firstUserId;
        Double growth;
        final Map<Who, Weighted<State>> newSession = new HashMap<>();
        final Map<String, Boolean> show = new HashMap<>();
        final Weighted<String> levels = new Weighted<>(), auths = new Weighted<>();

        static Config read(String file) throws IOException {
            Map<String, Object> m = Json.object(new Json(Files.readString(Path.of(file))).document());
            Config c = new Config();
            c.alpha = number(m, "alpha", c.alpha);
            c.beta = number(m, "beta", c.beta);
            c.damping = number(m, "damping", c.damping);
            c.weekendDamping = number(m, "weekend-damping", c.weekendDamping);
            c.offset = (int) number(m, "weekend-damping-offset", c.offset);
            c.scale = (int) number(m, "weekend-damping-scale", c.scale);
            c.sessionGap = (int) number(m, "session-gap", c.sessionGap);
            c.seed = (long) number(m, "seed", c.seed);
            c.churned = text(m, "churned-state", c.churned);
            c.newUserAuth = text(m, "new-user-auth", c.newUserAuth);
            c.newUserLevel = text(m, "new-user-level", c.newUserLevel);
            c.tag = text(m, "tag", null);
            if (m.containsKey("n-users")) c.users = (int) number(m, "n-users", 0);
            if (m.containsKey("first-user-id")) c.firstUserId = (int) number(m, "first-user-id", 0);
            if (m.containsKey("growth-rate")) c.growth = number(m, "growth-rate", 0);
            Map<StateKey, State> states = new HashMap<>();
            for (Map<String, Object> t : Json.objects(m.get("transitions"))) {
                State source = states.computeIfAbsent(key(Json.object(t.get("source"))), State::new);
                State dest = states.computeIfAbsent(key(Json.object(t.get("dest"))), State::new);
                source.lead(dest, (Double) t.get("p"));
            }
            for (Map<String, Object> s : Json.objects(m.get("new-session"))) {
                StateKey key = key(s);
                if (!states.containsKey(key)) throw new IllegalStateException("unknown state in new-session: " + key);
                c.newSession.computeIfAbsent(new Who(key.auth, key.level), k -> new Weighted<>())
                    .add(states.get(key), ((Double) s.get("weight")).intValue());
            }
            for (Map<String, Object> s : Json.objects(m.get("show-user-details"))) c.show.put((String) s.get("auth"), (Boolean) s.get("show"));
            for (Map<String, Object> s : Json.objects(m.get("levels"))) c.levels.add(text(s, "level", ""), (int) number(s, "weight", 0));
            for (Map<String, Object> s : Json.objects(m.get("auths"))) c.auths.add(text(s, "auth", ""), (int) number(s, "weight", 0));
            return c;
        }

        private static StateKey key(Map<String, Object> m) {
            if (m.get("page") == null || m.get("auth") == null) throw new IllegalStateException("a state without page or auth");
            return new StateKey((String) m.get("page"), (String) m.get("auth"), ((Double) m.get("status")).intValue(),
                text(m, "method", ""), text(m, "level", ""));
        }
        private static double number(Map<String, Object> m, String name, double otherwise) {
            return m.containsKey(name) ? (Double) m.get(name) : otherwise;
        }
        private static String text(Map<String, Object> m, String name, String otherwise) {
            return m.containsKey(name) ? (String) m.get(name) : otherwise;
        }
    }

    /** JSON as maps, lists, Doubles (every number), Strings and Booleans. */
    static final class Json {
        private final String s;
        private int at;

        Json(String s) { this.s = s; }

        @SuppressWarnings("unchecked")
        static Map<String, Object> object(Object o) { return (Map<String, Object>) o; }
        @SuppressWarnings("unchecked")
        static List<Map<String, Object>> objects(Object o) { return o == null ? List.of() : (List<Map<String, Object>>) o; }

        Object document() {
            Object v = value();
            if (peek() != 0) throw bad();
            return v;
        }

        private RuntimeException bad() { return new IllegalStateException("Could not parse the state file, at character " + at); }
        private char peek() {
            while (at < s.length() && s.charAt(at) <= ' ') at++;
            return at < s.length() ? s.charAt(at) : 0;
        }
        private boolean take(char c) {
            if (peek() != c) return false;
            at++;
            return true;
        }

        private Object value() {
            char c = peek();
            if (c == '{') return members();
            if (c == '[') return elements();
            if (c == '"') return string();
            for (String word : List.of("true", "false", "null"))
                if (s.startsWith(word, at)) {
                    at += word.length();
                    return word.equals("null") ? null : word.equals("true");
                }
            int start = at;
            while (at < s.length() && "+-.eE0123456789".indexOf(s.charAt(at)) >= 0) at++;
            if (start == at) throw bad();
            return Double.parseDouble(s.substring(start, at));
        }

        private Map<String, Object> members() {
            Map<String, Object> m = new LinkedHashMap<>();
            at++;
            if (take('}')) return m;
            do {
                if (peek() != '"') throw bad();
                String name = string();
                if (!take(':')) throw bad();
                m.put(name, value());
            } while (take(','));
            if (!take('}')) throw bad();
            return m;
        }

        private List<Object> elements() {
            List<Object> l = new ArrayList<>();
            at++;
            if (take(']')) return l;
            do l.add(value()); while (take(','));
            if (!take(']')) throw bad();
            return l;
        }

        private String string() {
            StringBuilder b = new StringBuilder();
            for (at++; s.charAt(at) != '"'; at++) {
                char c = s.charAt(at);
                if (c == '\\') {
                    c = s.charAt(++at);
                    int i = "bfnrt".indexOf(c);
                    if (i >= 0) c = "\b\f\n\r\t".charAt(i);
                    else if (c == 'u') {
                        c = (char) Integer.parseInt(s.substring(at + 1, at + 5), 16);
                        at += 4;
                    }
                }
                b.append(c);
            }
            at++;
            return b.toString();
        }
    }

    // ---- random numbers

    /** MT19937 and the numbers commons-math makes of it. */
    static final class Random {
        private final int[] mt = new int[624];
        private int at = 624;
        private double spareGaussian = Double.NaN;

        Random(long seed) {
            int[] key = {(int) (seed >>> 32), (int) seed};
            mt[0] = 19650218;
            for (int i = 1; i < 624; i++) mt[i] = 1812433253 * (mt[i - 1] ^ mt[i - 1] >>> 30) + i;
            int i = 1, j = 0;
            for (int k = 0; k < 624; k++) {
                mt[i] = (mt[i] ^ (mt[i - 1] ^ mt[i - 1] >>> 30) * 1664525) + key[j] + j;
                if (++i == 624) { mt[0] = mt[623]; i = 1; }
                j = (j + 1) % key.length;
            }
            for (int k = 0; k < 623; k++) {
                mt[i] = (mt[i] ^ (mt[i - 1] ^ mt[i - 1] >>> 30) * 1566083941) - i;
                if (++i == 624) { mt[0] = mt[623]; i = 1; }
            }
            mt[0] = 0x80000000;
        }

        private int next(int bits) {
            if (at == 624) {
                for (int k = 0; k < 624; k++) {
                    int y = (mt[k] & 0x80000000) | (mt[(k + 1) % 624] & 0x7fffffff);
                    mt[k] = mt[(k + 397) % 624] ^ y >>> 1 ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
                }
                at = 0;
            }
            int y = mt[at++];
            y ^= y >>> 11;
            y ^= y << 7 & 0x9d2c5680;
            y ^= y << 15 & 0xefc60000;
            y ^= y >>> 18;
            return y >>> 32 - bits;
        }

        double uniform() {
            long high = (long) next(26) << 26;
            return (high | next(26)) * 0x1.0p-52;
        }

        int below(int n) {
            if (n <= 0) throw new IllegalArgumentException(n + " is smaller than, or equal to, the minimum (0)");
            if ((n & -n) == n) return (int) ((long) n * next(31) >> 31);
            int bits, v;
            do {
                bits = next(31);
                v = bits % n;
            } while (bits - v + (n - 1) < 0);
            return v;
        }

        double gaussian() {
            double g = spareGaussian;
            if (!Double.isNaN(g)) {
                spareGaussian = Double.NaN;
                return g;
            }
            double angle = 2 * Math.PI * uniform();
            double r = Math.sqrt(-2 * Math.log(uniform()));
            spareGaussian = r * Math.sin(angle);
            return r * Math.cos(angle);
        }

        double exponential(double mean) { return -mean * Math.log(uniform()); }
        double logNormal() { return Math.exp(gaussian()) / Math.exp(0.5); }
    }

    static final class Weighted<T> {
        private final List<T> things = new ArrayList<>();
        private final List<Integer> starts = new ArrayList<>();
        private int total;

        void add(T thing, int weight) {
            things.add(thing);
            starts.add(total);
            total += weight;
        }

        T pick(Random random) {
            int i = java.util.Collections.binarySearch(starts, random.below(total));
            return things.get(i >= 0 ? i : -i - 2);
        }
    }

    // ---- catalogue

    record Song(String artist, String title, float duration) {}
    record Name(String first, String gender) {}
    record Place(String zip, String city, String state, double lat, double lon) {}

    interface Row { void take(String[] fields); }

    static void table(String dir, String name, Charset charset, Row row) throws IOException {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(
                new GZIPInputStream(new FileInputStream(new File(dir, name + ".tsv.gz"))), charset))) {
            in.readLine();
            for (String line; (line = in.readLine()) != null;) row.take(line.split("\t", -1));
        }
    }

    // ---- the calendar

    /** As jollyday 0.5.1 with its US calendar, checked against it for every day of 1750 to 2100. */
    static boolean isFree(LocalDate d) {
        DayOfWeek w = d.getDayOfWeek();
        if (w == DayOfWeek.SATURDAY || w == DayOfWeek.SUNDAY) return true;
        int year = d.getYear(), month = d.getMonthValue(), day = d.getDayOfMonth();
        return switch (month) {
            case 1 -> day == 1;
            case 5 -> year >= 1968 ? w == DayOfWeek.MONDAY && day > 24 : day == 30 && year >= 1869;
            case 7 -> day == 4 && year >= 1776;
            case 9 -> w == DayOfWeek.MONDAY && day <= 7 && year >= 1895;
            case 11 -> day == 11 && year >= 1938 || w == DayOfWeek.THURSDAY && day >= 22 && day <= 28 && year >= 1863;
            case 12 -> day == 25;
            default -> false;
        };
    }

    double ramp(LocalDateTime from, LocalDateTime to) {
        return config.weekendDamping * Duration.between(from, to).toMillis() / 60000 / config.scale;
    }

    /** The share of sessions that do not begin at t. */
    double weekend(LocalDateTime t) {
        LocalDateTime midnight = t.truncatedTo(ChronoUnit.DAYS), nextMidnight = midnight.plusDays(1);
        boolean before = isFree(t.toLocalDate().minusDays(1)), now = isFree(t.toLocalDate()), after = isFree(t.toLocalDate().plusDays(1));
        if (!before && !now && !after) return 0.0;
        if (before && now && after) return config.weekendDamping;
        if (!now) {
            LocalDateTime down = midnight.plusMinutes(config.offset), up = nextMidnight.minusMinutes(config.offset);
            if (!before) return t.isBefore(up) ? 0.0 : ramp(up, t);
            if (!after) return t.isAfter(down) ? 0.0 : ramp(t, down);
            return t.isBefore(down) ? ramp(t, down) : t.isAfter(up) ? ramp(up, t) : 0.0;
        }
        LocalDateTime up = midnight.minusMinutes(config.offset), down = nextMidnight.plusMinutes(config.offset);
        if (!before && t.isBefore(up.plusMinutes(config.scale))) return ramp(up, t);
        if (!after && t.isAfter(down.minusMinutes(config.scale))) return ramp(t, down);
        return config.weekendDamping;
    }

    LocalDateTime warp(LocalDateTime t) {
        long s = t.toLocalTime().toSecondOfDay();
        return t.plusSeconds((int) (config.damping * SECONDS_PER_DAY * Math.sin((s - 10800) * 2 * Math.PI / SECONDS_PER_DAY)));
    }

    LocalDateTime nextSession(LocalDateTime last, double beta) {
        while (true) {
            int gap = (int) random.exponential(beta) + config.sessionGap;
            if (gap <= 0) throw new AssertionError("assertion failed: a gap of " + gap + " s");
            LocalDateTime next = warp(last.plusSeconds(gap));
            if (next.isBefore(last)) {
                last = last.plusSeconds(config.sessionGap);
                continue;
            }
            double w = weekend(next);
            if (!(w > 0.0) || random.uniform() < 1.0 - w) return next;
            last = next;
        }
    }

    LocalDateTime firstSession(LocalDateTime t, double beta) {
        LocalDateTime candidate = nextSession(t.minusSeconds((int) beta * 2), beta);
        while (candidate.isBefore(t.minusSeconds((int) beta))) candidate = nextSession(candidate, beta);
        return candidate;
    }

    // ---- users

    final class User {
        final double alpha, beta;
        final int id;
        final String firstName, lastName, gender, agent;
        final long registration;
        final Place place;
        LocalDateTime ts; // null: left for ever
        long session;
        int item;
        State state, previous;
        Song song;
        LocalDateTime songEnd;

        User(LocalDateTime arrival, boolean isNew) {
            alpha = config.alpha * random.logNormal();
            beta = config.beta * random.logNormal();
            String auth = isNew ? config.newUserAuth : config.auths.pick(random);
            int age = Math.min((int) random.exponential(registrationGrowth * SECONDS_PER_YEAR), (int) (SECONDS_PER_YEAR * 5));
            registration = millis(isNew ? arrival : start.minusSeconds(age));
            Name name = firstNames.pick(random);
            places.pick(random);
            lastName = lastNames.pick(random);
            firstName = name.first;
            gender = name.gender;
            place = places.pick(random);
            agent = agents.pick(random);
            String level = isNew ? config.newUserLevel : config.levels.pick(random);
            id = ++lastUser;
            begin(firstSession(arrival, beta), auth, level);
        }

        private void begin(LocalDateTime t, String auth, String level) {
            ts = t;
            session = ++lastSession;
            item = 0;
            previous = null;
            Weighted<State> choice = config.newSession.get(new Who(auth, level));
            if (choice == null) throw new java.util.NoSuchElementException("key not found: (" + auth + "," + level + ")");
            state = choice.pick(random);
            song = null;
            songEnd = null;
            if (state.key.page.equals("NextSong")) play();
        }

        private void play() {
            song = songs.pick(random);
            songEnd = ts.plusSeconds((int) song.duration);
        }

        void step(double attrition) {
            State next = state.next(random.uniform());
            if (next == null) {
                if (random.uniform() < attrition || state.key.auth.equals(config.churned)) ts = null;
                else begin(nextSession(ts, beta), state.key.auth, state.key.level);
                return;
            }
            item++;
            if (next.key.status >= 300 && next.key.status < 399) {
                ts = ts.plusSeconds(1);
                state = next;
                return;
            }
            boolean listens = next.key.page.equals("NextSong");
            if (listens && song != null && ts.isBefore(songEnd)) ts = songEnd;
            else ts = ts.plusSeconds((int) random.exponential(alpha));
            if (listens) play();
            previous = state;
            state = next;
        }
    }

    /** Scala's binary heap, earliest first; who is equal comes out in the order that its moves make. */
    static final class Queue {
        private final List<User> heap = new ArrayList<>();

        Queue() { heap.add(null); }

        private static boolean later(User a, User b) {
            if (a.ts == null || b.ts == null) return a.ts == null && b.ts != null;
            return a.ts.isAfter(b.ts);
        }
        private void swap(int i, int j) { java.util.Collections.swap(heap, i, j); }

        void add(User u) {
            heap.add(u);
            for (int k = heap.size() - 1; k > 1 && later(heap.get(k / 2), heap.get(k)); k /= 2) swap(k, k / 2);
        }

        User take() {
            int n = heap.size() - 1;
            if (n == 0) throw new java.util.NoSuchElementException("no element to remove from heap");
            User first = heap.get(1);
            heap.set(1, heap.get(n));
            heap.remove(n--);
            for (int k = 1; 2 * k <= n;) {
                int j = 2 * k;
                if (j < n && later(heap.get(j), heap.get(j + 1))) j++;
                if (!later(heap.get(k), heap.get(j))) break;
                swap(k, j);
                k = j;
            }
            return first;
        }
    }

    // ---- lines

    static final class Line {
        private final StringBuilder b = new StringBuilder("{");

        private Line key(String name) {
            if (b.length() > 1) b.append(',');
            b.append('"').append(name).append("\":");
            return this;
        }
        Line put(String name, String value) {
            key(name).b.append('"');
            for (char c : value.toCharArray()) {
                int i = "\"\\\b\f\n\r\t".indexOf(c);
                if (i >= 0) b.append('\\').append("\"\\bfnrt".charAt(i));
                else if (c < ' ' || Character.isSurrogate(c)) b.append(String.format("\\u%04X", (int) c));
                else b.append(c);
            }
            b.append('"');
            return this;
        }
        Line put(String name, long value) { key(name).b.append(value); return this; }
        Line put(String name, double value) { key(name).b.append(value); return this; }
        Line put(String name, float value) { key(name).b.append(value); return this; }
        Line put(String name, boolean value) { key(name).b.append(value); return this; }

        void to(OutputStream out) throws IOException { out.write(b.append("}\n").toString().getBytes(StandardCharsets.UTF_8)); }
    }

    private Line device(Line l, User u) {
        return l.put("city", u.place.city).put("zip", u.place.zip).put("state", u.place.state).put("userAgent", u.agent)
            .put("lon", u.place.lon).put("lat", u.place.lat);
    }

    private Line who(Line l, User u) {
        Boolean shown = config.show.get(u.state.key.auth);
        if (shown == null) throw new java.util.NoSuchElementException("key not found: " + u.state.key.auth);
        if (!shown) return l;
        l.put("userId", u.id).put("lastName", u.lastName).put("firstName", u.firstName).put("gender", u.gender)
            .put("registration", u.registration);
        return tag == null ? l : l.put("tag", tag);
    }

    private Line song(Line l, User u) {
        return l.put("artist", u.song.artist).put("song", u.song.title).put("duration", u.song.duration);
    }

    void write(User u) throws IOException {
        StateKey k = u.state.key;
        long ts = millis(u.ts);
        boolean listens = k.page.equals("NextSong");
        Line page = who(device(new Line().put("ts", ts).put("sessionId", u.session).put("page", k.page).put("auth", k.auth)
            .put("method", k.method).put("status", k.status).put("level", k.level).put("itemInSession", u.item), u), u);
        if (listens) {
            song(page, u);
            who(device(song(new Line(), u).put("ts", ts).put("sessionId", u.session).put("auth", k.auth).put("level", k.level)
                .put("itemInSession", u.item), u), u).to(out("listen_events"));
        }
        if (k.page.equals("Submit Downgrade") || k.page.equals("Submit Upgrade"))
            who(device(new Line().put("ts", ts).put("sessionId", u.session).put("auth", k.auth).put("level", k.level)
                .put("itemInSession", u.item), u), u).to(out("status_change_events"));
        if (u.previous != null && u.previous.key.page.equals("Login"))
            who(device(new Line().put("ts", ts).put("sessionId", u.session).put("level", k.level)
                .put("itemInSession", u.item), u), u).put("success", k.auth.equals("Logged In")).to(out("auth_events"));
        page.to(out("page_view_events"));
    }

    // ---- the run

    final Options options;
    final Config config;
    final Random random;
    final Weighted<Song> songs = new Weighted<>();
    final Weighted<Place> places = new Weighted<>();
    final Weighted<Name> firstNames = new Weighted<>();
    final Weighted<String> lastNames = new Weighted<>(), agents = new Weighted<>();
    final LocalDateTime start, end;
    final double registrationGrowth;
    final String tag;
    final Map<String, OutputStream> files = new HashMap<>();
    int lastUser;
    long lastSession;

    EventsimOracle(Options o, Config c) throws IOException {
        options = o;
        config = c;
        start = LocalDateTime.parse(o.text("start-time"));
        end = LocalDateTime.parse(o.text("end-time"));
        random = new Random(o.has("randomseed") ? Long.parseLong(o.text("randomseed")) : c.seed);
        tag = o.has("tag") ? o.text("tag") : c.tag;
        registrationGrowth = o.has("growth-rate") ? o.number("growth-rate", 0) : c.growth != null ? c.growth : 0;
        lastUser = c.firstUserId != null ? c.firstUserId : o.integer("userid", 1);
        String dir = o.text("catalog");
        // eventsim reads its UTF-8 song list as ISO-8859-1: the mojibake is part of its output.
        table(dir, "songs", StandardCharsets.ISO_8859_1,
            f -> songs.add(new Song(f[2], f[3], f[4].isEmpty() ? 180f : Float.parseFloat(f[4])), Integer.parseInt(f[1])));
        table(dir, "us_places", StandardCharsets.ISO_8859_1,
            f -> places.add(new Place(f[0], f[1], f[2], Double.parseDouble(f[3]), Double.parseDouble(f[4])), Integer.parseInt(f[5])));
        table(dir, "first_names", StandardCharsets.ISO_8859_1, f -> firstNames.add(new Name(f[0], f[1]), Integer.parseInt(f[2])));
        table(dir, "last_names", StandardCharsets.ISO_8859_1, f -> lastNames.add(f[0], Integer.parseInt(f[1])));
        table(dir, "user_agents", StandardCharsets.ISO_8859_1, f -> agents.add(f[0], Integer.parseInt(f[1])));
    }

    static long millis(LocalDateTime t) { return t.toInstant(ZoneOffset.UTC).toEpochMilli(); }

    OutputStream out(String topic) { return files.get(topic); }

    void run() throws IOException {
        File dir = new File(options.has("output-dir") ? options.text("output-dir") : "output");
        dir.mkdirs();
        for (String name : List.of("listen_events", "page_view_events", "auth_events", "status_change_events"))
            files.put(name, new BufferedOutputStream(new FileOutputStream(new File(dir, name))));
        try {
            simulate();
        } finally { // what was written before an exception stays written, as eventsim's unbuffered files do
            for (OutputStream f : files.values()) f.close();
        }
    }

    void simulate() throws IOException {
        Queue queue = new Queue();
        int n = config.users != null ? config.users : options.integer("nusers", 1);
        for (int i = 0; i < n; i++) queue.add(new User(start, false));
        double growth = config.growth != null ? config.growth : options.number("growth-rate", 0);
        if (growth > 0)
            for (LocalDateTime t = start; t.isBefore(end); n++) {
                t = t.plusSeconds((int) random.exponential(SECONDS_PER_YEAR / (n * growth)));
                queue.add(new User(t, true));
            }
        double attrition = n * options.number("attrition-rate", 0)
            * (end.toEpochSecond(ZoneOffset.UTC) - start.toEpochSecond(ZoneOffset.UTC) / SECONDS_PER_YEAR);
        for (LocalDateTime clock = start; clock.isBefore(end);) {
            User u = queue.take();
            if (u.ts == null) throw new java.util.NoSuchElementException("None.get: every user has left");
            clock = u.ts;
            if (clock.isAfter(start)) write(u);
            u.step(attrition);
            queue.add(u);
        }
    }
}
