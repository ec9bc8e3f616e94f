package simulation

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
)

// digestOf is a digest over everything that v holds.
func digestOf(t *testing.T, v any) string {
	t.Helper()
	h := sha256.New()
	if err := json.NewEncoder(h).Encode(v); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestSameSeedGivesTheSameCatalogue(t *testing.T) {
	a, b := NewCatalogue(Options{Seed: 3}), NewCatalogue(Options{Seed: 3, Computers: 7})
	if digestOf(t, a.Runs) != digestOf(t, b.Runs) || digestOf(t, a.Categories) != digestOf(t, b.Categories) {
		t.Error("two catalogues of the same seed differ")
	}
	if digestOf(t, a.Runs) == digestOf(t, NewCatalogue(Options{Seed: 4}).Runs) {
		t.Error("catalogues of different seeds are the same")
	}
}

func TestSameSeedGivesTheSameFleet(t *testing.T) {
	o := Options{Seed: 3}
	c := NewCatalogue(o)
	all := func(f *Fleet) (out []any) {
		for _, x := range f.Computers {
			out = append(out, x.report(model.Policy{}), f.Status(x), f.Inventory(x))
		}
		return out
	}
	o.Details = true
	a, b := digestOf(t, all(NewFleet(o, c))), digestOf(t, all(NewFleet(o, c)))
	o.Seed = 4
	if a != b {
		t.Error("two fleets of the same seed differ")
	}
	if a == digestOf(t, all(NewFleet(o, c))) {
		t.Error("fleets of different seeds are the same")
	}
}

var guidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestCatalogueIsValid(t *testing.T) {
	for _, o := range []Options{{Seed: 1}, {Seed: 2, Updates: 137, Microsoft: -1}, {Seed: 3, Updates: 90, Microsoft: 1}, {Seed: 4, Updates: 9000, Span: 800 * day, Ahead: 30 * day}, {Seed: 5, Updates: 1}, {Seed: 6, Updates: 12}} {
		c := NewCatalogue(o)
		o = o.withDefaults()
		if c.Len() != o.Updates {
			t.Errorf("%+v: %d updates", o, c.Len())
		}
		products := map[model.CategoryID]bool{}
		for _, cat := range c.Categories {
			if products[cat.ID] {
				t.Errorf("category %s exists twice", cat.ID)
			}
			if cat.Parent != "" && !products[cat.Parent] {
				t.Errorf("the parent of %s comes after it or not at all", cat.ID)
			}
			products[cat.ID] = true
		}
		number := map[model.UpdateID]uint32{}
		for i, run := range c.Runs {
			if i > 0 && run.Started.Before(c.Runs[i-1].Started) || !run.Ended.After(run.Started) {
				t.Errorf("run %d is out of order", i)
			}
			if run.Error != "" && len(run.Updates)+len(run.Withdrawn) > 0 {
				t.Errorf("run %d failed and brought something", i)
			}
			for _, u := range run.Updates {
				if number[u.ID] == 0 {
					number[u.ID] = uint32(len(number) + 1)
				}
				checkUpdate(t, u, run.Started)
				for _, p := range u.Products {
					if !products[p] {
						t.Errorf("%s names product %s, which does not exist", u.ID, p)
					}
				}
			}
			for _, n := range run.Withdrawn {
				if int(n) > len(number) || c.Update(n).Debian == nil {
					t.Errorf("run %d withdraws update %d", i, n)
				}
			}
		}
		if len(number) != c.Len() {
			t.Errorf("%d of %d updates arrive", len(number), c.Len())
		}
		for n := uint32(1); int(n) <= c.Len(); n++ {
			u := c.Update(n)
			if number[u.ID] != n {
				t.Fatalf("update %d arrives as number %d", n, number[u.ID])
			}
			for _, s := range append(slices.Clone(u.Supersedes), u.Bundles...) {
				if number[s] == 0 || s == u.ID {
					t.Errorf("%s names %s, which does not exist", u.ID, s)
				}
			}
			if n > 1 && c.EvaluatedAt(c.offers[n].arrived) < n || c.EvaluatedAt(c.offers[n].arrived.Add(-time.Second)) >= n {
				t.Errorf("a report does not cover update %d exactly from its arrival on", n)
			}
		}
	}
}

func checkUpdate(t *testing.T, u *model.Update, seen time.Time) {
	t.Helper()
	if u.Title == "" || strings.Contains(u.Title, "%!") || u.Released.After(seen.Add(day)) || u.Class == model.ClassUnknown {
		t.Errorf("%s: title %q, released %s, seen %s", u.ID, u.Title, u.Released, seen)
	}
	if u.Debian == nil {
		if !guidForm.MatchString(string(u.ID)) {
			t.Errorf("%q is no GUID", u.ID)
		}
		return
	}
	d := u.Debian
	if u.ID != d.ID() || len(d.Packages) == 0 || len(d.Suites) == 0 || !slices.IsSorted(d.Suites) {
		t.Errorf("%s: %+v", u.ID, d)
	}
	if err := model.CheckArchive(d.Archive, d.Release); err != nil {
		t.Error(err)
	}
	for _, p := range d.Packages {
		if err := model.CheckPackage(p.Name, p.Arch, p.Version); err != nil {
			t.Error(err)
		}
		if len(p.SHA256) != 32 || p.Size <= 0 {
			t.Errorf("%s: package %+v", u.ID, p)
		}
	}
}

// TestCatalogueHasEverything holds the generator to what screens, rules and
// reports have to be tried with.
func TestCatalogueHasEverything(t *testing.T) {
	c := NewCatalogue(Options{Seed: 1, Updates: 20_000})
	has := map[string]int{}
	for n := uint32(1); int(n) <= c.Len(); n++ {
		u := c.Update(n)
		count := func(what string, is bool) {
			if is {
				has[what]++
			}
		}
		has[u.Class.String()]++
		has["severity "+u.Severity.String()]++
		count("licence", u.Licence != "")
		count("input", u.Input)
		count("bundle", len(u.Bundles) > 0)
		count("exploited", u.Exploited)
		count("removable", u.Removable)
		count("required", u.Required)
		count("expired", u.Publication == model.Expired)
		count("withdrawn", u.Debian != nil && !c.offers[n].gone.IsZero())
		count("bulletin", len(u.Bulletins) > 0)
		count("hostile title", model.Clean(u.Title) != u.Title)
		count("wide title", strings.ContainsAny(u.Title, "更新"))
		count("right-to-left title", strings.ContainsAny(u.Title, "עת"))
		count("revised", c.offers[n].first != c.offers[n].last)
		count("restart", u.Restart == model.RestartAlways)
	}
	for _, class := range model.Classifications() {
		// Hardly any update is of these two, even in Microsoft's catalogue.
		rare := class == model.ClassApplication || class == model.ClassDriverSet
		if has[class.String()] == 0 && !rare {
			t.Errorf("no update is of class %s", class)
		}
	}
	for _, what := range []string{"severity critical", "severity important", "severity moderate", "severity low", "severity unspecified", "licence", "input", "bundle", "exploited", "removable", "required", "expired", "withdrawn", "bulletin", "hostile title", "wide title", "right-to-left title", "revised", "restart"} {
		if has[what] == 0 {
			t.Errorf("nothing is: %s", what)
		}
	}
	for _, p := range c.products {
		if p.platform == model.PlatformWindows && p.kind == productSystem && !slices.ContainsFunc(p.lines, func(l int32) bool { return len(c.lines[l].updates) >= 24 }) {
			t.Errorf("%s has no monthly chain of two years", p.title)
		}
	}
}
