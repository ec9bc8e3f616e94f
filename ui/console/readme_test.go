package console

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/store"
)

// readmeUpdates are what the site of the pictures needs: a Tuesday morning.
var readmeUpdates = []struct {
	source, version, synopsis string
	severity                  model.Severity
	security, exploited       bool
	days                      int
	needed                    []int // computers
}{
	{"openssl", "3.0.17-1~deb12u3", "Secure Sockets Layer toolkit", model.SeverityCritical, true, true, 2, []int{0, 1, 2, 3, 4, 5, 6}},
	{"linux", "6.1.158-1", "Linux kernel", model.SeverityImportant, true, false, 5, []int{0, 1, 2, 3, 4, 5, 6}},
	{"nginx", "1.22.1-9+deb12u3", "small, powerful, scalable web/proxy server", model.SeverityImportant, true, false, 9, []int{0, 1}},
	{"postgresql-15", "15.15-0+deb12u1", "object-relational database server", model.SeverityModerate, true, false, 11, []int{2, 3}},
	{"sudo", "1.9.13p3-1+deb12u3", "limited super user privileges for users", model.SeverityModerate, true, false, 20, []int{0, 1, 2, 4, 5}},
	{"curl", "7.88.1-10+deb12u15", "transferring data with URL syntax", model.SeverityLow, true, false, 33, []int{1, 2, 6}},
	{"tzdata", "2026b-0+deb12u1", "time zone and daylight-saving time data", model.SeverityUnspecified, false, false, 12, []int{0, 1, 2, 3, 4, 5, 6}},
	{"systemd", "252.40-1~deb12u1", "system and service manager", model.SeverityUnspecified, false, false, 40, []int{3, 4, 5, 6}},
	{"base-files", "12.4+deb12u13", "Debian base system miscellaneous files", model.SeverityUnspecified, false, false, 40, []int{0, 2, 4, 5}},
}

// readmeSite is a site as people have it.
func readmeSite(t *testing.T) *store.Store {
	s := newStore(t)
	setUp(t, s)
	ctx := t.Context()
	var updates []*model.Update
	for _, u := range readmeUpdates {
		suites, class := []string{"bookworm"}, model.ClassUpdate
		if u.security {
			suites, class = []string{"bookworm-security"}, model.ClassSecurity
		}
		updates = append(updates, &model.Update{
			ID: model.DebianID("Debian", "bookworm", u.source, u.version), Upstream: "debian", Title: u.source + " " + u.version + ": " + u.synopsis, Severity: u.severity, Exploited: u.exploited,
			Class: class, Version: u.version, Released: testTime.AddDate(0, 0, -u.days), NotLater: true, Products: []model.CategoryID{"deb/Debian/bookworm"},
			Debian: &model.DebianSource{Archive: "Debian", Release: "bookworm", Source: u.source, Version: u.version, Suites: suites, Section: "admin",
				Packages: []model.DebianPackage{{Name: u.source, Arch: "amd64", Version: u.version, Size: int64(len(u.synopsis)) * 70_000, SHA256: make([]byte, 32), Filename: "pool/x.deb", Suites: 1}}},
		})
	}
	must[[]model.CategoryID](t)(s.PutCategories(ctx, []model.Category{{ID: "deb/Debian/bookworm", Title: "Debian 12 (bookworm)", Upstream: "debian"}}))
	must[store.ImportResult](t)(s.Import(ctx, updates))
	id := must[uint64](t)(s.BeginRun(ctx, model.SyncRun{Upstream: "debian", Started: testTime.Add(-4 * time.Hour), Actor: admin}))
	if err := s.EndRun(ctx, model.SyncRun{ID: id, Upstream: "debian", Started: testTime.Add(-4 * time.Hour), Ended: testTime.Add(-4*time.Hour + 9*time.Second), Actor: admin, Result: model.SyncSucceeded, New: []uint32{1, 2}}); err != nil {
		t.Fatal(err)
	}
	group := func(name string) model.GroupID {
		must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: name, Parent: model.GroupAll}}, admin))
		return s.Snapshot().Groups().ByName(name).ID
	}
	groups := []model.GroupID{group("Web servers"), group("Databases")}
	for i, name := range []string{"web1", "web2", "db1", "db2", "desk1", "desk2", "desk3", "desk4"} {
		c := model.Computer{ID: model.ComputerID("id-" + name), Name: name + ".example.org", Platform: model.PlatformLinux, Arch: "amd64", OS: "Debian GNU/Linux 12 (bookworm)", Role: model.RoleServer,
			Addresses: []string{fmt.Sprintf("192.0.2.%d", i+10)}, FirstSeen: testTime.AddDate(0, -3, 0), Contacted: testTime.Add(-time.Duration(2*i+1) * time.Hour), Zone: "UTC"}
		if i >= 4 {
			c.Role = model.RoleClient
		}
		r := store.Report{Computer: c}
		if i < 7 {
			r.Computer.Reported = c.Contacted
			r.Status = &model.Status{Reported: c.Contacted, Evaluated: s.Snapshot().LastUpdate()}
			for n, u := range readmeUpdates {
				list := &r.Status.Installed
				if slices.Contains(u.needed, i) {
					list = &r.Status.Needed
				}
				*list = append(*list, uint32(n+1))
			}
		}
		n := must[uint32](t)(s.Record(ctx, r))
		if i < 4 {
			must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeJoin, Group: &model.Group{ID: groups[i/2]}, Computers: []uint32{n}}, admin))
		}
	}
	must[model.Entry](t)(s.Make(ctx, model.Change{Kind: model.ChangeApprove, Name: "Routine of November", Updates: []uint32{7, 9}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: testTime.AddDate(0, 0, 6)}}}, admin))
	return s
}

// readmeScreens are the pictures of the README.
var readmeScreens = []way{
	{"overview", []string{"1"}}, {"triage", []string{"T"}}, {"preview", []string{"2", "a", "down", "i", "t", "t", "enter"}},
}

// TestReadmeScreens holds the pictures in the README to what the console shows.
// Each stands between a comment with its name and the end of the code below it.
func TestReadmeScreens(t *testing.T) {
	path := filepath.Join("..", "..", "README.md")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text := string(b)
	s := readmeSite(t)
	for _, way := range readmeScreens {
		d := drive(t, s, 80, 24)
		d.press(way.keys...)
		mark := "<!-- screen: " + way.name + " -->\n```text\n"
		_, after, ok := strings.Cut(text, mark)
		old, _, closed := strings.Cut(after, "```\n")
		if !ok || !closed {
			t.Fatalf("README.md has no place for the screen %s: %q", way.name, mark)
		}
		if got := d.screen() + "\n"; got != old {
			if !*update {
				t.Errorf("README.md shows another screen %s (write it with -update):\n%s", way.name, got)
			}
			text = strings.Replace(text, mark+old, mark+got, 1)
		}
	}
	if *update && text != string(b) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
