package store_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/sync/simulation"
)

// scaleSize is the size of the benchmark's store. FETTLE_FULL=1 makes it that of
// design 5 for one server, whose history takes a minute to write (.ci/nightly);
// FETTLE_SCALE=UPDATESxCOMPUTERS chooses any other; -short takes a small one.
func scaleSize(tb testing.TB) (updates, computers int) {
	text := os.Getenv("FETTLE_SCALE")
	switch {
	case text != "":
		if _, err := fmt.Sscanf(text, "%dx%d", &updates, &computers); err != nil || updates < 1000 || computers < 100 {
			tb.Fatalf("FETTLE_SCALE=%s is not like 100000x10000", text)
		}
		return updates, computers
	case os.Getenv("FETTLE_FULL") != "":
		return 100_000, 10_000
	case testing.Short():
		return 5_000, 500
	}
	return 20_000, 2_000
}

// scaleNow is where the simulated history ends.
var scaleNow = simulation.DefaultUntil()

var scaleActor = model.Actor{Who: "bench", From: model.FromCommand, Role: model.AccessAdministrator}

func openScale(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s, err := store.Open(store.Options{Dir: dir, Clock: func() time.Time { return scaleNow }})
	if err == nil {
		err = s.WaitLoaded(context.Background())
	}
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// scaleFilter is the query of issue 3.
const scaleFilter = "needed:>0 class:security age:>14d !is:superseded"

// BenchmarkScale measures what consoles and servers ask of a large store, and
// has sqlite3 answer the same on the same rows. Every answer of both is compared
// before anything is measured.
func BenchmarkScale(b *testing.B) {
	updates, computers := scaleSize(b)
	dir, filled := scaleStore(b, updates, computers)
	b.Run("memory", func(b *testing.B) {
		for unit, v := range childMemory(b, dir) { // once, however often the rest is measured
			b.ReportMetric(v, unit)
		}
		b.ReportMetric(filled.Seconds(), "s-to-fill")
	})
	s := openScale(b, dir)
	defer s.Close()
	lite := newLite(b, s.Snapshot())
	b.Run("plan", func(b *testing.B) { benchPlan(b, s, lite) })
	b.Run("plan-all-updates", func(b *testing.B) { benchPlanAll(b, s) })
	b.Run("triage", func(b *testing.B) { benchTriage(b, s) })
	b.Run("filter", func(b *testing.B) { benchFilter(b, s, lite) })
	b.Run("needed/all", func(b *testing.B) { benchNeeded(b, s, lite, model.GroupAll) })
	b.Run("needed/group", func(b *testing.B) { benchNeeded(b, s, lite, largestGroup(s.Snapshot())) })
	b.Run("check-in", func(b *testing.B) { benchCheckIn(b, s, lite) })
}

// scaleStore gives the directory of a filled store that nobody holds, and the
// time that filling it took. FETTLE_SCALE_DIR names one to keep between runs.
func scaleStore(b *testing.B, updates, computers int) (dir string, filled time.Duration) {
	if dir = os.Getenv("FETTLE_SCALE_DIR"); dir == "" {
		dir = b.TempDir()
	} else if _, err := os.Stat(dir); err == nil {
		return dir, 0
	}
	start := time.Now()
	clock := &simulation.Clock{}
	clock.Set(scaleNow)
	s, err := store.Open(store.Options{Dir: dir, Clock: clock.Now})
	if err != nil {
		b.Fatal(err)
	}
	_, err = simulation.Fill(b.Context(), s, simulation.Options{Seed: 1, Updates: updates, Computers: computers, Clock: clock})
	if err := errors.Join(err, s.Close()); err != nil {
		b.Fatal(err)
	}
	return dir, time.Since(start)
}

// versus reports the time of one operation, sqlite3's for the same, and the
// ratio.
func versus(b *testing.B, lite time.Duration) {
	own := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(own.Nanoseconds())/1e6, "ms")
	if lite > 0 {
		b.ReportMetric(float64(lite.Nanoseconds())/1e6, "sqlite-ms")
		b.ReportMetric(float64(lite)/float64(own), "x-faster")
	}
}

func benchPlan(b *testing.B, s *store.Store, lite *lite) {
	update := mostNeeded(s.Snapshot())
	change := model.Change{Kind: model.ChangeApprove, Updates: []uint32{update}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}
	plan := func() model.Plan {
		p, err := s.Plan(b.Context(), change, scaleActor)
		if err != nil {
			b.Fatal(err)
		}
		return p
	}
	var ratio time.Duration
	if lite != nil {
		p := plan()
		want := lite.rows(b, lite.planSQL(update))
		disabled, unknown := "0", "0"
		for _, w := range p.Warnings {
			if rest, ok := strings.CutPrefix(w.Text, "Automatic Updates are disabled on "); ok {
				disabled, _, _ = strings.Cut(rest, " ")
			}
		}
		for _, l := range p.Lines {
			if n, _, ok := strings.Cut(l, " of "); ok && strings.Contains(l, "no status") {
				unknown = n
			}
		}
		got := []string{fmt.Sprintf("%d|%d|%d|%s|%d|%s|%s", p.Computers, p.Restarts, p.Bytes, disabled, p.Groups[0].Needing, unknown, strings.Join(p.First, " "))}
		equal(b, "the plan", got, want)
		ratio = lite.time(b, lite.planSQL(update), 5)
	}
	for b.Loop() {
		plan()
	}
	versus(b, ratio)
}

// benchPlanAll plans a deployment of the whole catalogue to 50 groups.
func benchPlanAll(b *testing.B, s *store.Store) {
	snap := s.Snapshot()
	var change = model.Change{Kind: model.ChangeApprove}
	for _, r := range snap.Updates() {
		if r.Flags&(model.FlagDeclined|model.FlagLicence|model.FlagExpired|model.FlagWithdrawn|model.FlagInput) == 0 {
			change.Updates = append(change.Updates, r.Number)
		}
	}
	for _, g := range snap.Groups().Order() {
		if len(change.Groups) < 50 && g != model.GroupAll {
			change.Groups = append(change.Groups, model.GroupAction{Group: g, Action: model.ActionInstall, Deadline: scaleNow.AddDate(0, 0, len(change.Groups)-10)})
		}
	}
	for b.Loop() {
		if _, err := s.Plan(b.Context(), change, scaleActor); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(change.Updates)), "updates")
	versus(b, 0)
}

func benchFilter(b *testing.B, s *store.Store, lite *lite) {
	filter := func() []*model.UpdateRow {
		snap := s.Snapshot()
		q, err := query.ParseUpdates(scaleFilter)
		if err != nil {
			b.Fatal(err)
		}
		rows, err := q.Filter(b.Context(), snap, snap.Updates(), scaleNow)
		if err != nil {
			b.Fatal(err)
		}
		return rows
	}
	var got []string
	for _, r := range filter() {
		got = append(got, strconv.Itoa(int(r.Number)))
	}
	var ratio time.Duration
	if lite != nil {
		sql := fmt.Sprintf("select id from upd where class = %d and superseded = 0 and released < %d and declined = 0 and exists (select 1 from status where status.upd = upd.id and state in (2, 3, 6)) order by id",
			model.ClassSecurity, scaleNow.AddDate(0, 0, -14).Unix())
		equal(b, "the filter", got, lite.rows(b, sql))
		ratio = lite.time(b, "select count(*), sum(id) from ("+sql+")", 5)
	}
	for b.Loop() {
		filter()
	}
	b.ReportMetric(float64(len(got)), "found")
	versus(b, ratio)
}

func benchNeeded(b *testing.B, s *store.Store, lite *lite, group model.GroupID) {
	var got []string
	for n, c := range s.Snapshot().NeededCounts(group) {
		if c > 0 {
			got = append(got, fmt.Sprintf("%d|%d", n, c))
		}
	}
	var ratio time.Duration
	if lite != nil {
		from := "status"
		if group != model.GroupAll {
			from = fmt.Sprintf("member cross join status on status.computer = member.computer and member.grp = %d", lite.group[group])
		}
		sql := "select upd, count(*) c from " + from + " where state in (2, 3, 6) and upd not in (select id from upd where declined) group by upd order by upd"
		equal(b, "the counts", got, lite.rows(b, sql))
		ratio = lite.time(b, "select count(*), sum(upd * 7 + c) from ("+sql+")", 3)
	}
	for b.Loop() {
		s.Snapshot().NeededCounts(group)
	}
	b.ReportMetric(float64(s.Snapshot().Members(group).GetCardinality()), "computers")
	versus(b, ratio)
}

// benchCheckIn measures what a report changes in memory: the computer's states
// and the counts of every update, ready to be asked. For sqlite3 it is the
// replacing of the computer's rows, and counting what changed; nothing of it is
// synchronized with the disk.
func benchCheckIn(b *testing.B, s *store.Store, lite *lite) {
	snap := s.Snapshot()
	r := rand.New(rand.NewPCG(7, 7))
	var reports []*model.Status
	var changed [][]uint32
	for _, c := range snap.Computers() {
		st, err := s.Status(c.Number)
		if err != nil || len(st.Needed) < 4 {
			continue
		}
		// Some of what was needed is installed now.
		after := *st
		gone := map[uint32]bool{}
		for len(gone) < 4 {
			gone[st.Needed[r.IntN(len(st.Needed))]] = true
		}
		after.Needed = slices.DeleteFunc(slices.Clone(st.Needed), func(n uint32) bool { return gone[n] })
		var list []uint32
		for n := range gone {
			list = append(list, n)
		}
		after.Installed = append(slices.Clone(st.Installed), list...)
		slices.Sort(after.Installed)
		slices.Sort(list)
		reports, changed = append(reports, &after), append(changed, list)
		if len(reports) == 200 {
			break
		}
	}
	var ratio time.Duration
	if lite != nil {
		var got []string
		now := snap
		for i, st := range reports {
			now = store.CheckIn(now, st)
			for _, u := range changed[i] {
				if c := now.Counts(u, model.GroupAll); !snap.Row(u).Has(model.FlagDeclined) { // else nothing is counted
					got = append(got, fmt.Sprintf("%d|%d|%d", u, c.Needed, c.Installed))
				}
			}
		}
		var load, script strings.Builder
		for _, st := range reports {
			for state, list := range map[int][]uint32{2: st.Needed, 3: st.Downloaded, 5: st.Failed, 6: st.Pending} {
				for _, u := range list {
					fmt.Fprintf(&load, "%d,%d,%d\n", u, st.Computer, state)
				}
			}
		}
		lite.load(b, "report", "create table report (upd integer, computer integer, state integer, primary key (computer, upd)) without rowid", load.String())
		// What is installed is part of a report, and of the rows of every computer.
		var before, later strings.Builder
		for _, c := range snap.Computers() {
			for _, u := range snap.InstalledOn(c.Number) {
				fmt.Fprintf(&before, "%d,%d\n", c.Number, u)
			}
		}
		for _, st := range reports {
			for _, u := range st.Installed {
				fmt.Fprintf(&later, "%d,%d\n", st.Computer, u)
			}
		}
		lite.load(b, "installed", "create table installed (computer integer, upd integer, primary key (computer, upd)) without rowid", before.String())
		lite.run(b, "create index installed_upd on installed (upd)")
		lite.load(b, "report_installed", "create table report_installed (computer integer, upd integer, primary key (computer, upd)) without rowid", later.String())
		script.WriteString("begin;\n")
		for i, st := range reports {
			var list []string
			for _, u := range changed[i] {
				list = append(list, strconv.Itoa(int(u)))
			}
			fmt.Fprintf(&script, "delete from status where computer = %d;\ninsert into status select upd, computer, state from report where computer = %d;\n", st.Computer, st.Computer)
			fmt.Fprintf(&script, "delete from installed where computer = %d;\ninsert into installed select * from report_installed where computer = %d;\n", st.Computer, st.Computer)
			fmt.Fprintf(&script, "select id, (select count(*) from status where upd = id and state in (2, 3, 6)), (select count(*) from installed where upd = id) from upd where id in (%s) and declined = 0 order by id;\n", strings.Join(list, ","))
		}
		script.WriteString("rollback;\n")
		out, spent := lite.script(b, script.String())
		equal(b, "the counts after check-ins", got, out)
		ratio = spent / time.Duration(len(reports))
	}
	i := 0
	for b.Loop() {
		store.CheckIn(snap, reports[i%len(reports)])
		i++
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/1e3/float64(b.N), "µs")
	rows := 0
	for _, st := range reports {
		rows += len(st.Needed) + len(st.Downloaded) + len(st.Failed) + len(st.Pending) + len(st.Installed)
	}
	b.ReportMetric(float64(rows)/float64(len(reports)), "states-per-report")
	versus(b, ratio)
}

// equal ends the benchmark when two answers differ: it would prove nothing.
func equal(b *testing.B, what string, got, want []string) {
	b.Helper()
	if slices.Equal(got, want) && len(got) > 0 {
		return
	}
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			b.Fatalf("%s: %d answers, sqlite3 gives %d; first difference at %d: %q, %q", what, len(got), len(want), i, got[i:min(i+1, len(got))], want[i:min(i+1, len(want))])
		}
	}
	b.Fatalf("%s: no answers", what)
}

func mostNeeded(s *store.Snapshot) (update uint32) {
	counts := s.NeededCounts(model.GroupAll)
	for n, c := range counts {
		if r := s.Row(uint32(n)); r != nil && c > counts[update] && r.Flags&(model.FlagDeclined|model.FlagLicence|model.FlagExpired|model.FlagWithdrawn|model.FlagInput) == 0 {
			update = uint32(n)
		}
	}
	return update
}

func largestGroup(s *store.Snapshot) (group model.GroupID) {
	for _, g := range s.Groups().Order() {
		if !s.Groups().Group(g).Predefined() && s.Members(g).GetCardinality() > s.Members(group).GetCardinality() {
			group = g
		}
	}
	return group
}

// scaleChild is the variable by which the benchmark tells a child of itself
// which store to open.
const scaleChild = "FETTLE_SCALE_CHILD"

// TestScaleChild is the process whose memory is measured.
func TestScaleChild(t *testing.T) {
	dir := os.Getenv(scaleChild)
	if dir == "" {
		t.Skip("is started by BenchmarkScale only")
	}
	start := time.Now()
	s := openScale(t, dir)
	defer s.Close()
	loaded := time.Since(start)
	memory := func(word string) {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Skip("there is no /proc: ", err)
		}
		for line := range strings.Lines(string(status)) {
			if f := strings.Fields(line); len(f) > 1 && (f[0] == "VmRSS:" || f[0] == "RssAnon:" || f[0] == "RssFile:") {
				kb, _ := strconv.Atoi(f[1])
				fmt.Printf("metric %s-%s-MB %.1f\n", word, strings.TrimSuffix(f[0], ":"), float64(kb)/1024)
			}
		}
	}
	memory("loaded")
	runtime.GC()
	debug.FreeOSMemory()
	memory("resident")
	if file := os.Getenv("FETTLE_SCALE_HEAP"); file != "" { // for go tool pprof
		f, err := os.Create(file)
		if err == nil {
			err = errors.Join(pprof.WriteHeapProfile(f), f.Close())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("metric heap-MB %.1f\nmetric s-to-open %.3f\n", float64(m.HeapAlloc)/(1<<20), loaded.Seconds())
	if s.Snapshot().UpdateCount() == 0 {
		t.Error("the store is empty")
	}
}

// childMemory opens the store in a process of its own and gives what it says of
// its memory.
func childMemory(b *testing.B, dir string) map[string]float64 {
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestScaleChild$", "-test.v")
	cmd.Env = append(os.Environ(), scaleChild+"="+dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	got := map[string]float64{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "metric" {
			got[f[1]], _ = strconv.ParseFloat(f[2], 64)
		}
	}
	if len(got) == 0 {
		b.Skipf("the child said nothing of its memory:\n%s", out)
	}
	return got
}

// lite is the same data in a database of sqlite3, with the indexes that its
// queries want.
type lite struct {
	path, tool string
	group      map[model.GroupID]int
}

// newLite exports a snapshot; nil when there is no sqlite3.
func newLite(b *testing.B, s *store.Snapshot) *lite {
	tool, err := exec.LookPath("sqlite3")
	if err != nil {
		b.Log("sqlite3 is not installed: figures are reported without comparison")
		return nil
	}
	l := &lite{path: filepath.Join(b.TempDir(), "lite.db"), tool: tool, group: map[model.GroupID]int{}}
	var upd, computer, status, member, grp, approval strings.Builder
	bit := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	for _, r := range s.Updates() {
		fmt.Fprintf(&upd, "%d,%d,%d,%d,%d,%d,%d\n", r.Number, r.Class, r.Released.Unix(), bit(r.Has(model.FlagSuperseded)), bit(r.Has(model.FlagDeclined)), bit(r.Has(model.FlagMayRestart)), r.Size)
		for _, a := range s.Approvals(r.Number) {
			deadline := int64(1) << 60
			if !a.Deadline.IsZero() {
				deadline = a.Deadline.Unix()
			}
			fmt.Fprintf(&approval, "%d,%s,%d,%d\n", r.Number, a.Group, a.Action, deadline)
		}
	}
	// The identifiers of groups become numbers in the order of the identifiers,
	// which is the order of the rule's last step.
	order := slices.Sorted(slices.Values(s.Groups().Order()))
	for i, id := range order {
		l.group[id] = i
		g := s.Groups().Group(id)
		fmt.Fprintf(&grp, "%d,%d,%d\n", i, s.Groups().Depth(id), g.Policy.Mode)
		for it := s.Members(id).Iterator(); it.HasNext(); {
			fmt.Fprintf(&member, "%d,%d\n", i, it.Next())
		}
	}
	approvals := replaceColumn(approval.String(), l.group)
	everyone := s.LastUpdate()
	for _, c := range s.Computers() {
		if !s.Members(model.GroupAll).Contains(c.Number) {
			continue
		}
		reported := s.Unknown(c.Number, scaleNow) != model.UnknownNeverReported
		evaluated := uint32(0)
		if reported {
			evaluated = reach(s, c.Number, everyone)
		}
		fmt.Fprintf(&computer, "%d,%s,%d,%d,%d\n", c.Number, c.Name, bit(reported), evaluated, c.Policy.Mode)
		for _, u := range s.NeededBy(c.Number) {
			fmt.Fprintf(&status, "%d,%d,%d\n", u, c.Number, s.State(c.Number, u))
		}
	}
	l.load(b, "upd", "create table upd (id integer primary key, class integer, released integer, superseded integer, declined integer, restart integer, size integer)", upd.String())
	l.load(b, "computer", "create table computer (id integer primary key, name text, reported integer, evaluated integer, mode integer)", computer.String())
	l.load(b, "status", "create table status (upd integer, computer integer, state integer, primary key (upd, computer)) without rowid", status.String())
	l.load(b, "member", "create table member (grp integer, computer integer, primary key (grp, computer)) without rowid", member.String())
	l.load(b, "grp", "create table grp (id integer primary key, depth integer, mode integer)", grp.String())
	l.load(b, "approval", "create table approval (upd integer, grp integer, action integer, deadline integer, primary key (upd, grp)) without rowid", approvals)
	l.run(b, "create index upd_class on upd (class); create index upd_released on upd (released); create index upd_superseded on upd (superseded); create index status_computer on status (computer, upd, state); create index member_computer on member (computer, grp); create index computer_evaluated on computer (reported, evaluated); create index upd_declined on upd (declined); analyze;")
	return l
}

// reach finds how far a computer's report goes: beyond it every state is
// unknown. Declined updates have no state.
func reach(s *store.Snapshot, computer, last uint32) uint32 {
	if s.Totals(computer).Unknown == 0 {
		return last
	}
	lo, hi := uint32(0), last
	for lo < hi {
		mid := (lo + hi + 1) / 2
		probe := mid
		for probe > lo && s.Row(probe).Has(model.FlagDeclined) {
			probe--
		}
		if probe > lo && s.State(computer, probe) == model.StateUnknown {
			hi = probe - 1
		} else {
			lo = mid
		}
	}
	return lo
}

// replaceColumn writes the numbers of groups for their identifiers.
func replaceColumn(csv string, group map[model.GroupID]int) string {
	var out strings.Builder
	for line := range strings.Lines(csv) {
		f := strings.SplitN(line, ",", 3)
		fmt.Fprintf(&out, "%s,%d,%s", f[0], group[model.GroupID(f[1])], f[2])
	}
	return out.String()
}

// load makes a table from lines of comma-separated values.
func (l *lite) load(b *testing.B, table, create, csv string) {
	b.Helper()
	file := filepath.Join(b.TempDir(), table+".csv")
	if err := os.WriteFile(file, []byte(csv), 0o600); err != nil {
		b.Fatal(err)
	}
	l.run(b, fmt.Sprintf("pragma journal_mode = off; pragma synchronous = off;\n%s;\n.mode csv\n.import %s %s\n", create, file, table))
}

// run gives a script to sqlite3 and returns what it wrote.
func (l *lite) run(b *testing.B, script string) []byte {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), l.tool, "-batch", "-bail", l.path)
	cmd.Stdin = strings.NewReader(script)
	var failed bytes.Buffer
	cmd.Stderr = &failed
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("sqlite3: %v: %s\n%.300s", err, failed.String(), script)
	}
	return out
}

// settings are given to each process that answers: the database in its cache.
const liteSettings = "pragma cache_size = -400000; pragma mmap_size = 1000000000; pragma temp_store = memory; pragma synchronous = off;"

// rows gives the answer to a query, one text per row.
func (l *lite) rows(b *testing.B, sql string) []string {
	b.Helper()
	return linesOf(l.run(b, liteSettings+"\n.mode list\n"+sql+";\n"))[1:] // the first is mmap_size's answer
}

func linesOf(b []byte) []string {
	var out []string
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		out = append(out, sc.Text())
	}
	return out
}

// time measures a query inside one process that has its data in memory: the
// fastest of several runs after one that is not counted, by sqlite3's own clock.
func (l *lite) time(b *testing.B, sql string, times int) time.Duration {
	b.Helper()
	out := l.run(b, liteSettings+"\n"+sql+";\n.timer on\n"+strings.Repeat(sql+";\n", times))
	best := time.Duration(1 << 62)
	for _, line := range linesOf(out) {
		if rest, ok := strings.CutPrefix(line, "Run Time: real "); ok {
			seconds, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			if err != nil {
				b.Fatalf("sqlite3's timer says %q", line)
			}
			best = min(best, time.Duration(seconds*1e9))
		}
	}
	if best == 1<<62 {
		b.Fatalf("sqlite3 measured nothing:\n%s", out)
	}
	return best
}

// script runs many statements and gives their answers and the time that they
// took, without that of an empty run.
func (l *lite) script(b *testing.B, sql string) ([]string, time.Duration) {
	b.Helper()
	warm := "select sum(computer) + sum(state) from status; select sum(computer) from status indexed by status_computer;\n"
	spent := func(sql string) (out []byte, d time.Duration) {
		start := time.Now()
		out = l.run(b, liteSettings+"\n.mode list\n"+warm+sql)
		return out, time.Since(start)
	}
	spent("")
	_, idle := spent("")
	out, all := spent(sql)
	return linesOf(out)[3:], max(all-idle, time.Microsecond)
}

// planSQL asks what approving an update for All Computers would do: computers
// whose installations change, restarts, bytes, where Automatic Updates are
// disabled, who needs it, of whom nothing is known, and the first five names.
func (l *lite) planSQL(update uint32) string {
	everyone := l.group[model.GroupAll]
	return fmt.Sprintf(`with
own as (select grp, action, deadline, depth from approval join grp on grp.id = approval.grp where upd = %[1]d),
later as (select * from own where grp <> %[2]d union all select %[2]d, 1, 1 << 60, 0),
need as (select computer, state from status where upd = %[1]d and state in (2, 3, 5)),
was as (select * from (select need.computer, state, action, deadline, row_number() over (partition by need.computer order by depth desc, action, deadline, own.grp) k
  from need join member on member.computer = need.computer join own on own.grp = member.grp) where k = 1),
is_ as (select * from (select need.computer, state, action, deadline, row_number() over (partition by need.computer order by depth desc, action, deadline, later.grp) k
  from need join member on member.computer = need.computer join later on later.grp = member.grp) where k = 1),
starts as (select is_.computer, is_.state, coalesce(was.action, 3) <> 1 fresh from is_ left join was on was.computer = is_.computer
  where is_.action = 1 and (coalesce(was.action, 3) <> 1 or was.deadline <> is_.deadline)),
stops as (select was.computer from was join is_ on is_.computer = was.computer where was.action = 1 and is_.action <> 1),
policy as (select * from (select starts.computer, grp.mode, row_number() over (partition by starts.computer order by depth desc, grp.mode desc, grp.id) k
  from starts join member on member.computer = starts.computer join grp on grp.id = member.grp where grp.mode > 0) where k = 1)
select (select count(*) from (select computer from starts union select computer from stops)),
 (select count(*) * (select restart from upd where id = %[1]d) from starts),
 (select coalesce(sum(size), 0) from starts join upd on upd.id = %[1]d where fresh and state in (2, 5)),
 (select count(*) from starts join computer on computer.id = starts.computer left join policy on policy.computer = starts.computer where computer.mode = %[3]d or policy.mode = %[3]d),
 (select count(*) from status where upd = %[1]d),
 (select count(*) from computer where reported = 0 or evaluated < %[1]d),
 (select group_concat(name, ' ') from (select name from starts join computer on computer.id = starts.computer order by computer.id limit 5))`, update, everyone, model.ModeDisabled)
}
