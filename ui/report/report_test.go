package report

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

var start = time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)

var admin = model.Actor{Who: "anna", From: model.FromCommand, Role: model.AccessAdministrator}

// site is a store with a clock that the test moves.
type site struct {
	t testing.TB
	*store.Store
	now time.Time
}

func newSite(t testing.TB) *site {
	t.Helper()
	s := &site{t: t, now: start}
	var err error
	if s.Store, err = store.Open(store.Options{Dir: t.TempDir(), Clock: func() time.Time { return s.now }}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := s.WaitLoaded(context.Background()); err != nil {
		t.Fatal(err)
	}
	s.make(model.Change{Kind: model.ChangeComputers, How: []string{"this computer"}})
	s.make(model.Change{Kind: model.ChangeUpdates, Settings: &model.Settings{}, Upstream: &model.Upstream{Name: "debian", Kind: model.UpstreamDebian, Location: "apt"}})
	return s
}

func (s *site) make(c model.Change) model.Entry {
	s.t.Helper()
	e, err := s.Make(context.Background(), c, admin)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

func (s *site) add(updates ...*model.Update) []uint32 {
	s.t.Helper()
	r, err := s.Import(context.Background(), updates)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.New
}

func (s *site) record(c model.Computer, st *model.Status) uint32 {
	s.t.Helper()
	n, err := s.Record(context.Background(), store.Report{Computer: c, Status: st})
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *site) report(name string, p Parameters) *Report {
	s.t.Helper()
	r, err := Build(context.Background(), name, s.Store, s.Snapshot(), p)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// small is a store in which every report has something to say.
func small(t testing.TB) *site {
	s := newSite(t)
	category := model.CategoryID("deb/Debian/bookworm")
	if _, err := s.PutCategories(context.Background(), []model.Category{{ID: category, Title: "Debian 12 (bookworm)", Upstream: "debian"}}); err != nil {
		t.Fatal(err)
	}
	run := model.SyncRun{Upstream: "debian", Started: s.now, Initial: true, Manual: true, Actor: admin}
	id, err := s.BeginRun(context.Background(), run)
	if err != nil {
		t.Fatal(err)
	}
	deb := func(source, version string, class model.Classification, severity model.Severity, age time.Duration) *model.Update {
		return &model.Update{
			ID: model.DebianID("Debian", "bookworm", source, version), Upstream: "debian", Title: source + " " + version, Class: class, Severity: severity,
			Version: version, Released: s.now.Add(-age), NotLater: true, Products: []model.CategoryID{category}, Removable: false,
			Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: source, Version: version, Suites: []string{"bookworm"},
				Packages: []model.DebianPackage{{Name: source, Arch: "amd64", Version: version, Size: 1_500_000}}},
		}
	}
	day := 24 * time.Hour
	openssl := deb("openssl", "3.0.15-1~deb12u1", model.ClassSecurity, model.SeverityCritical, 3*day)
	openssl.CVEs, openssl.Exploited = []string{"CVE-2026-0001", "CVE-2026-0002"}, true
	kernel := deb("linux", "6.1.128-1", model.ClassSecurity, model.SeverityImportant, 40*day)
	kernel.Restart = model.RestartAlways
	numbers := s.add(openssl, kernel, deb("tzdata", "2026a-0+deb12u1", model.ClassUpdate, 0, 10*day), deb("nano", "7.2-1", model.ClassUpdate, 0, 200*day), deb("games", "1.0-1", model.ClassUpdate, 0, 100*day))
	run.ID, run.Ended, run.Result, run.New, run.Read = id, s.now.Add(83*time.Second), model.SyncSucceeded, numbers, 12_345_678
	run.Failures = []model.ImportFailure{{Item: "broken 1:2", Reason: "its version cannot be parsed"}}
	run.Remarks = []string{"The lists are 3 days old."}
	if err := s.EndRun(context.Background(), run); err != nil {
		t.Fatal(err)
	}

	all := model.DefaultPolicy()
	at := model.WeekTime{Day: int(time.Saturday), Minute: 4 * 60}
	sat := model.Policy{Mode: model.ModeScheduled, Install: &model.WeekTime{Day: model.EveryDay, Minute: 180}, Restart: model.RestartAt, RestartAt: &at}
	computer := func(name string, role model.Role, p model.Policy) model.Computer {
		return model.Computer{ID: model.ComputerID("id-" + name), Name: name, Platform: model.PlatformLinux, Arch: "amd64", Role: role, Agent: "1.0",
			OS: "Debian GNU/Linux 12 (bookworm)", Contacted: s.now, Reported: s.now, Policy: p, Addresses: []string{"192.0.2.1"}}
	}
	web := s.record(computer("web1", model.RoleServer, sat), &model.Status{Reported: s.now, Evaluated: 5, Needed: []uint32{1, 3}, Pending: []uint32{2}, Installed: []uint32{4},
		Packages: []model.NeededPackage{
			{Update: openssl.ID, Package: "openssl", Arch: "amd64", Installed: "3.0.14-1~deb12u2", Candidate: "3.0.15-1~deb12u1", Security: true},
			{Update: "", Package: "tzdata", Arch: "all", Installed: "2025b-0+deb12u1", Candidate: "2026a-0+deb12u1", State: model.NeedHeld, Reason: "it is held on this computer (apt-mark unhold tzdata ends that)"},
		}})
	db := computer("db1", model.RoleServer, all)
	db.Foreign = []string{"vim 2:9.0"}
	dbn := s.record(db, &model.Status{Reported: s.now, Evaluated: 5, Failed: []uint32{1}, Installed: []uint32{2, 3, 4},
		Failures: []model.Failure{{Update: openssl.ID, Time: s.now.Add(-time.Hour), Code: "apt-100", Text: "the disk was full; free some space and check in again"}}})
	s.record(computer("desk1", model.RoleClient, all), &model.Status{Reported: s.now, Evaluated: 5, Installed: []uint32{1, 2, 3, 4}})
	late := computer("desk2", model.RoleClient, model.Policy{Mode: model.ModeDisabled, Restart: model.RestartNo})
	late.Contacted = s.now.Add(-45 * day)
	late.Reported = late.Contacted
	s.record(late, &model.Status{Reported: late.Reported, Evaluated: 3, Needed: []uint32{1}, Installed: []uint32{2}})
	never := computer("new1", model.RoleUnknown, model.Policy{})
	never.Reported = time.Time{}
	s.record(never, nil)

	s.now = s.now.Add(time.Hour)
	s.make(model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Pilot", Parent: model.GroupAll}})
	pilot := s.Snapshot().Groups().ByName("Pilot").ID
	s.make(model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: pilot}, Computers: []uint32{web, dbn}})
	s.make(model.Change{Kind: model.ChangeApprove, Name: "March, first ring", Updates: numbers[:3], Groups: []model.GroupAction{
		{Group: pilot, Action: model.ActionInstall, Deadline: s.now.Add(-time.Minute)}, {Group: model.GroupClients, Action: model.ActionInstall}}})
	s.make(model.Change{Kind: model.ChangeApprove, Name: "tzdata for all", Remark: "daylight saving", Updates: numbers[2:3], Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}})
	s.make(model.Change{Kind: model.ChangeDecline, Updates: numbers[4:]})
	s.now = s.now.Add(time.Hour)
	return s
}

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs (go test -update writes it anew):\n%s", path, got)
	}
}

// steady takes out what differs between two stores: the journal's hash, which
// covers the signing key's choices, stays as it is only within one store.
func steady(r *Report) *Report {
	if r.Journal.Entry > 0 {
		r.Journal.Hash = bytes.Repeat([]byte{0xab}, 32)
	}
	return r
}

func TestGolden(t *testing.T) {
	s := small(t)
	zone := time.FixedZone("CET", 3600)
	for _, d := range Definitions() {
		r := steady(s.report(d.Name, Parameters{Zone: zone}))
		for _, width := range []int{0, 80} {
			var b bytes.Buffer
			if err := r.Text(&b, width); err != nil {
				t.Fatal(err)
			}
			golden(t, fmt.Sprintf("%s.%d.txt", d.Name, width), b.Bytes())
		}
	}
	for _, name := range []string{"update-status-summary", "deployment-progress"} {
		r := steady(s.report(name, Parameters{Zone: zone}))
		for _, form := range []struct {
			name  string
			write func(*bytes.Buffer) error
		}{
			{"csv", func(b *bytes.Buffer) error { return r.CSV(b, "") }}, {"json", func(b *bytes.Buffer) error { return r.JSON(b) }},
			{"md", func(b *bytes.Buffer) error { return r.Markdown(b) }}, {"html", func(b *bytes.Buffer) error { return r.HTML(b) }},
		} {
			var b bytes.Buffer
			if err := form.write(&b); err != nil {
				t.Fatal(err)
			}
			golden(t, name+"."+form.name, b.Bytes())
		}
	}
}

// numbers reads a section's rows as maps, the way a program does.
func rows(t *testing.T, r *Report, section string) []map[string]Cell {
	t.Helper()
	s := r.Section(section)
	if s == nil {
		t.Fatalf("%s has no section %s", r.Name, section)
	}
	var all []map[string]Cell
	for _, row := range s.Rows {
		m := map[string]Cell{}
		for i, c := range s.Columns {
			m[c.Key] = row[i]
		}
		all = append(all, m)
	}
	return all
}

func find(t *testing.T, all []map[string]Cell, key string, value Cell) map[string]Cell {
	t.Helper()
	for _, m := range all {
		if m[key] == value {
			return m
		}
	}
	t.Fatalf("no row with %s = %v in %v", key, value, all)
	return nil
}

func want(t *testing.T, row map[string]Cell, values map[string]Cell) {
	t.Helper()
	for k, v := range values {
		if row[k] != v {
			t.Errorf("%s is %v, want %v", k, row[k], v)
		}
	}
}

func TestUpdateSummary(t *testing.T) {
	s := small(t)
	r := s.report("update-status-summary", Parameters{})
	openssl := find(t, rows(t, r, "updates"), "title", "openssl 3.0.15-1~deb12u1")
	want(t, openssl, map[string]Cell{"computers": 5, "needed": 2, "failed": 1, "installed": 1, "no_status": 1, "not_applicable": 0, "approval": "install",
		"installed_or_not_applicable": Share{1, 5}})
	want(t, find(t, rows(t, r, "totals"), "measure", "updates"), map[string]Cell{"count": 4})
	if r.Scope.Computers != 5 || r.Scope.Never != 1 || r.Scope.Newer != 1 || r.Scope.Stale != 1 || r.Scope.Updates != 4 {
		t.Errorf("scope is %+v", r.Scope)
	}
	// A group narrows the counts of the report and of its query alike.
	r = s.report("update-status-summary", Parameters{Group: model.GroupClients, Query: "needed:>0"})
	if got := rows(t, r, "updates"); len(got) != 1 {
		t.Errorf("updates needed by clients: %v", got)
	} else {
		want(t, got[0], map[string]Cell{"computers": 2, "needed": 1, "installed": 1})
	}
	// in: does the same as the group.
	in := s.report("update-status-summary", Parameters{Query: `in:"All Clients" needed:>0`})
	if in.Scope.Group != "All Clients" || len(in.Section("updates").Rows) != 1 {
		t.Errorf("in: gave %+v", in.Scope)
	}
}

func TestApprovedBase(t *testing.T) {
	s := small(t)
	r := s.report("update-tabular-status", Parameters{Base: BaseApproved})
	got := rows(t, r, "updates")
	if len(got) != 3 {
		t.Fatalf("%d approved updates, want 3: %v", len(got), got)
	}
	// openssl is approved for the pilot and the clients, not for new1.
	want(t, find(t, got, "title", "openssl 3.0.15-1~deb12u1"), map[string]Cell{"computers": 4, "needed": 2, "failed": 1, "installed": 1, "no_status": 0})
	want(t, find(t, got, "title", "tzdata 2026a-0+deb12u1"), map[string]Cell{"computers": 5, "needed": 1, "installed": 2, "not_applicable": 1, "no_status": 1})
	c := s.report("computer-status-summary", Parameters{Base: BaseApproved})
	want(t, find(t, rows(t, c, "computers"), "name", "new1"), map[string]Cell{"updates": 1, "no_status": 1, "status": "no-status"})
	want(t, find(t, rows(t, c, "computers"), "name", "web1"), map[string]Cell{"updates": 3, "needed": 3, "pending_restart": 1})
}

func TestComputers(t *testing.T) {
	s := small(t)
	r := s.report("computer-status-summary", Parameters{})
	all := rows(t, r, "computers")
	want(t, find(t, all, "name", "db1"), map[string]Cell{"status": "failed", "failed": 1, "installed": 3, "needed": 0})
	want(t, find(t, all, "name", "web1"), map[string]Cell{"status": "needed", "needed": 3, "pending_restart": 1, "installed": 1})
	want(t, find(t, all, "name", "desk1"), map[string]Cell{"status": "ok", "why": nil})
	want(t, find(t, all, "name", "desk2"), map[string]Cell{"status": "needed", "why": "stale", "no_status": 1})
	want(t, find(t, all, "name", "new1"), map[string]Cell{"status": "no-status", "why": "never-reported", "no_status": 4})
	if all[0]["name"] != "db1" {
		t.Errorf("the worst is not first: %v", all[0])
	}
	if got := rows(t, s.report("computer-status-summary", Parameters{Query: "role:client"}), "computers"); len(got) != 2 {
		t.Errorf("clients: %v", got)
	}
	d := s.report("computer-detailed-status", Parameters{Query: "name:db1"})
	want(t, rows(t, d, "updates")[0], map[string]Cell{"state": "failed", "approval": "install", "approval_group": "Pilot", "reason": "apt-100: the disk was full; free some space and check in again"})
}

func TestRestarts(t *testing.T) {
	s := small(t)
	got := rows(t, s.report("restarts-pending", Parameters{}), "computers")
	if len(got) != 1 {
		t.Fatalf("restarts: %v", got)
	}
	want(t, got[0], map[string]Cell{"name": "web1", "pending_restart": 1, "restart": "sat@04:00", "restarts_at": time.Date(2026, 3, 7, 4, 0, 0, 0, time.UTC)})
}

func TestProblems(t *testing.T) {
	s := small(t)
	got := rows(t, s.report("problems", Parameters{}), "problems")
	want(t, find(t, got, "kind", "failed"), map[string]Cell{"computer": "db1", "level": "error", "problem": "openssl 3.0.15-1~deb12u1 failed: apt-100: the disk was full; free some space and check in again"})
	want(t, find(t, got, "kind", "overdue"), map[string]Cell{"level": "error"})
	want(t, find(t, got, "kind", "never-reported"), map[string]Cell{"computer": "new1"})
	want(t, find(t, got, "kind", "stale"), map[string]Cell{"computer": "desk2"})
	want(t, find(t, got, "kind", "automatic-updates-disabled"), map[string]Cell{"computer": "desk2"})
	want(t, find(t, got, "kind", "changed-by-others"), map[string]Cell{"computer": "db1"})
	find(t, got, "kind", "sync-items")
	// The remedies name queries and commands that exist.
	for _, m := range got {
		remedy, _ := m["remedy"].(string)
		if q, ok := strings.CutPrefix(remedy, "fettle report update-detailed-status "); ok {
			r := s.report("update-detailed-status", Parameters{Query: strings.Trim(q, "'")})
			if len(r.Section("updates").Rows) != 1 {
				t.Errorf("the remedy %s finds %d updates", remedy, len(r.Section("updates").Rows))
			}
		}
	}
}

func TestSynchronizations(t *testing.T) {
	s := small(t)
	r := s.report("synchronization-results", Parameters{})
	want(t, rows(t, r, "runs")[0], map[string]Cell{"upstream": "debian", "result": "succeeded", "kind": "initial", "new": 5, "failures": 1, "duration": 83 * time.Second, "read": int64(12_345_678)})
	if got := rows(t, r, "updates"); len(got) != 5 {
		t.Errorf("changes: %v", got)
	}
	if got := rows(t, s.report("synchronization-results", Parameters{Query: "class:security"}), "updates"); len(got) != 2 {
		t.Errorf("changes of security updates: %v", got)
	}
}

func TestDeploymentProgressEqualsSnapshot(t *testing.T) {
	s := small(t)
	checkProgress(t, s)
	r := s.report("deployment-progress", Parameters{})
	want(t, find(t, rows(t, r, "deployments"), "name", "tzdata for all"), map[string]Cell{"id": 2, "state": "not known", "installed": 2, "applicable": 2, "overridden": 1, "no_status": 1})
	want(t, rows(t, r, "failures")[0], map[string]Cell{"deployment": 1, "computer": "db1"})
	// What cannot be measured is not 100 %.
	if p, ok := (Share{0, 0}).Percent(); ok {
		t.Errorf("a part of nothing is %v %%", p)
	}
}

// checkProgress compares what the report shows with what the store says.
func checkProgress(t testing.TB, s *site) {
	t.Helper()
	snap := s.Snapshot()
	r := s.report("deployment-progress", Parameters{})
	byID := map[int]store.Pairs{}
	sec := r.Section("deployments")
	col := func(key string) int {
		return slices.IndexFunc(sec.Columns, func(c Column) bool { return c.Key == key })
	}
	for _, row := range sec.Rows {
		byID[row[col("id")].(int)] = store.Pairs{
			Applicable: row[col("applicable")].(int), Installed: row[col("installed")].(int), Failed: row[col("failed")].(int), Pending: row[col("pending_restart")].(int),
			Waiting: row[col("waiting")].(int), Overridden: row[col("overridden")].(int), Unknown: row[col("no_status")].(int),
			Why: store.Unknowns{Never: row[col("never_reported")].(int), Stale: row[col("stale")].(int), Newer: row[col("newer_than_report")].(int), Declined: row[col("declined")].(int)},
		}
	}
	groups := map[int][]store.Pairs{}
	sec = r.Section("groups")
	for _, row := range sec.Rows {
		id := row[col("deployment")].(int)
		groups[id] = append(groups[id], store.Pairs{
			Applicable: row[col("applicable")].(int), Installed: row[col("installed")].(int), Failed: row[col("failed")].(int), Pending: row[col("pending_restart")].(int),
			Waiting: row[col("waiting")].(int), Overridden: row[col("overridden")].(int), Unknown: row[col("no_status")].(int),
			Why: store.Unknowns{Never: row[col("never_reported")].(int), Stale: row[col("stale")].(int), Newer: row[col("newer_than_report")].(int), Declined: row[col("declined")].(int)},
		})
	}
	for _, d := range snap.Deployments() {
		p := snap.Progress(d.ID, s.now)
		if byID[int(d.ID)] != p.Total {
			t.Errorf("deployment %d: the report says %+v, the store %+v", d.ID, byID[int(d.ID)], p.Total)
		}
		for i, g := range p.Groups {
			if groups[int(d.ID)][i] != g.Pairs {
				t.Errorf("deployment %d, group %s: the report says %+v, the store %+v", d.ID, g.Name, groups[int(d.ID)][i], g.Pairs)
			}
		}
	}
}

func TestParameterErrors(t *testing.T) {
	s := small(t)
	for _, c := range []struct {
		name string
		p    Parameters
		says string
	}{
		{"update-status-sumary", Parameters{}, "Did you mean update-status-summary?"},
		{"zzz", Parameters{}, "fettle reports"},
		{"synchronization-results", Parameters{Group: model.GroupAll}, "not about computers"},
		{"problems", Parameters{Base: BaseApproved}, "only one base"},
		{"update-status-summary", Parameters{Group: "gone"}, "no computer group"},
		{"update-status-summary", Parameters{Group: model.GroupAll, Query: "in:servers"}, "only once"},
	} {
		_, err := Build(context.Background(), c.name, s.Store, s.Snapshot(), c.p)
		var pe *ParameterError
		if !errors.As(err, &pe) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want a ParameterError with %q", c.name, err, c.says)
		}
	}
	for _, q := range []string{"neded:>0", "in:Nowhere", "(((", "approved:Nowhere"} {
		_, err := Build(context.Background(), "update-status-summary", s.Store, s.Snapshot(), Parameters{Query: q})
		var qe *query.Error
		if !errors.As(err, &qe) {
			t.Errorf("%s: %v is not a query error", q, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, d := range Definitions() {
		if _, err := Build(ctx, d.Name, s.Store, s.Snapshot(), Parameters{}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s did not end with its context: %v", d.Name, err)
		}
	}
}

// TestShape checks every report for what all of them promise.
func TestShape(t *testing.T) {
	empty, full := newSite(t), small(t)
	for _, d := range Definitions() {
		for _, s := range []*site{empty, full} {
			r := s.report(d.Name, Parameters{})
			if r.Section(r.Principal) == nil || r.Journal.Entry == 0 || len(r.Journal.Hash) != 32 || r.Scope.Sentence() == "" {
				t.Errorf("%s: principal %q, journal %v, scope %q", d.Name, r.Principal, r.Journal, r.Scope.Sentence())
			}
			checkShape(t, r)
			for _, width := range []int{1, 20, 33, 60, 80, 132, 200} {
				checkWidth(t, r, width)
			}
			checkJSON(t, r)
			for _, sec := range r.Sections {
				var b bytes.Buffer
				if err := r.CSV(&b, sec.Name); err != nil {
					t.Error(err)
				}
				if all, err := csv.NewReader(&b).ReadAll(); err != nil || len(all) != len(sec.Rows)+1 {
					t.Errorf("%s %s: %d CSV records for %d rows, %v", d.Name, sec.Name, len(all), len(sec.Rows), err)
				}
			}
		}
	}
}

func checkShape(t testing.TB, r *Report) {
	t.Helper()
	names := map[string]bool{}
	for _, s := range r.Sections {
		if names[s.Name] || s.Title == "" {
			t.Errorf("%s: section %q stands twice or has no title", r.Name, s.Name)
		}
		names[s.Name] = true
		keys := map[string]int{}
		for i, c := range s.Columns {
			if _, twice := keys[c.Key]; twice || c.Key == "" || strings.ToLower(c.Key) != c.Key || strings.ContainsAny(c.Key, " -") {
				t.Errorf("%s %s: key %q", r.Name, s.Name, c.Key)
			}
			keys[c.Key] = i
		}
		for i, c := range s.Columns {
			if c.Kind != KindPercent {
				continue
			}
			base, ok := keys[c.Base]
			unknown, ok2 := keys[c.Unknown]
			if !ok || !ok2 {
				t.Fatalf("%s %s: the percentage %s names no base or no unknowns", r.Name, s.Name, c.Key)
			}
			for _, row := range s.Rows {
				if row[i] == nil {
					continue
				}
				sh := row[i].(Share)
				if n, _ := row[base].(int); sh.Of != n || sh.Part > sh.Of || sh.Part < 0 {
					t.Errorf("%s %s: %s is %v, its base column says %v", r.Name, s.Name, c.Key, sh, row[base])
				}
				if n, _ := row[unknown].(int); n < 0 {
					t.Errorf("%s %s: unknown is %d", r.Name, s.Name, n)
				}
			}
		}
		if len(s.Rows) == 0 && s.Empty == "" {
			t.Errorf("%s %s: nothing is said of an empty table", r.Name, s.Name)
		}
		for _, row := range s.Rows {
			for i, c := range row {
				if !fits(s.Columns[i].Kind, c) {
					t.Errorf("%s %s: %s has a %T", r.Name, s.Name, s.Columns[i].Key, c)
				}
			}
		}
	}
}

func fits(k Kind, c Cell) bool {
	ok := c == nil
	switch c.(type) {
	case string:
		ok = k == KindText || k == KindIdentifier
	case []string:
		ok = k == KindList
	case int:
		ok = k == KindCount
	case int64:
		ok = k == KindBytes
	case Share:
		ok = k == KindPercent
	case time.Time:
		ok = k == KindTime
	case time.Duration:
		ok = k == KindDuration
	case bool:
		ok = k == KindFlag
	}
	return ok
}

func checkWidth(t testing.TB, r *Report, width int) {
	t.Helper()
	var b bytes.Buffer
	if err := r.Text(&b, width); err != nil {
		t.Fatal(err)
	}
	limit := max(width, leastWidth)
	for l := range strings.Lines(b.String()) {
		l = strings.TrimSuffix(l, "\n")
		if n := ansi.StringWidth(l); n > limit {
			t.Errorf("%s at width %d: a line is %d wide: %q", r.Name, width, n, l)
			return
		}
	}
}

func checkJSON(t testing.TB, r *Report) {
	t.Helper()
	var b bytes.Buffer
	if err := r.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Name     string
		Sections []struct {
			Name    string
			Columns []struct{ Key, Kind string }
			Rows    []map[string]any
		}
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatalf("%s: %v\n%s", r.Name, err, b.Bytes())
	}
	if doc.Name != r.Name || len(doc.Sections) != len(r.Sections) {
		t.Errorf("%s: JSON says %q with %d sections", r.Name, doc.Name, len(doc.Sections))
	}
	for i, s := range doc.Sections {
		if len(s.Rows) != len(r.Sections[i].Rows) {
			t.Errorf("%s %s: %d rows in JSON, %d in the report", r.Name, s.Name, len(s.Rows), len(r.Sections[i].Rows))
		}
		for _, row := range s.Rows {
			if len(row) != len(s.Columns) {
				t.Errorf("%s %s: a row has %d keys of %d", r.Name, s.Name, len(row), len(s.Columns))
			}
		}
	}
}
