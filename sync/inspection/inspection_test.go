package inspection

import (
	"strings"
	"testing"

	"fettle/model"
	"fettle/store"
	"fettle/sync/metadata/applicability"
	"fettle/sync/simulation/publisher"
)

func rule(r publisher.Rule) *publisher.Rule { return &r }

// The parts of a catalogue: a detectoid of 64-bit computers, and a bundle of two
// members of which each computer takes what fits its build.
var (
	x64 = publisher.Item{ID: publisher.ID("x64"), Kind: model.DocumentDetectoid, Title: "x64-based computers",
		Rules: publisher.Rules{Installed: rule(publisher.Processor(publisher.AMD64))}}
	bundle = publisher.Item{ID: publisher.ID("bundle"), Title: "Cumulative Update", KB: []string{"5000001"}, Class: model.ClassSecurity,
		Products: []model.CategoryID{publisher.Windows11}, Prerequisites: [][]model.UpdateID{{x64.ID}},
		Alternatives: []publisher.Item{member("24H2", 26100), member("23H2", 22631)}}
)

func member(name string, build int) publisher.Item {
	return publisher.Item{ID: publisher.ID(name), Title: "Package for " + name, Handler: publisher.ComponentServicing, Restart: model.RestartAlways,
		Files: []publisher.File{publisher.NewFile(name+".cab", publisher.DownloadHost, []byte(name))},
		Rules: publisher.Rules{
			Installed:   rule(publisher.RegistryKey(`SOFTWARE\Packages\` + name)),
			Installable: rule(publisher.WindowsBuild(build)),
		}}
}

func kept(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(store.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	documents, err := publisher.Documents(publisher.WithCategories([]publisher.Item{x64, bundle}), publisher.Style{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := s.BeginGeneration(t.Context(), "test")
	if err != nil {
		t.Fatal(err)
	}
	u := &model.Update{ID: bundle.ID, Title: bundle.Title, Class: model.ClassSecurity, Document: 200}
	for _, m := range bundle.Alternatives {
		u.Bundles = append(u.Bundles, m.ID)
	}
	if err := g.Documents(t.Context(), documents); err != nil {
		t.Fatal(err)
	}
	if err := g.Updates(t.Context(), []*model.Update{u}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Switch(t.Context(), nil, true); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestWhatIsBehindAnUpdate(t *testing.T) {
	s := kept(t)
	in, err := Of(s, model.UpdateID(strings.ToUpper(string(bundle.ID))))
	if err != nil {
		t.Fatal(err)
	}
	if in.Title != "Cumulative Update" || len(in.Members) != 2 || in.Ref.Revision != 200 {
		t.Fatalf("the bundle is %q with %d members, revision %d", in.Title, len(in.Members), in.Ref.Revision)
	}
	m := in.Members[0]
	if m.Title != "Package for 24H2" || !m.AnyOf || m.Files != 1 || m.Size != 4 || m.Restart != model.RestartAlways || !m.Known {
		t.Errorf("a member is %+v", m)
	}
	names := map[string]bool{} // of prerequisites: whether the clause is of categories
	for _, c := range in.Clauses {
		for _, n := range c.Any {
			names[n.Title] = c.Category
		}
	}
	if category, ok := names["x64-based computers"]; !ok || category || !names["Security Updates"] || !names["Windows 11"] {
		t.Errorf("the prerequisites are %v", names)
	}
	part, err := Of(s, m.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(part.Holders) != 1 || part.Holders[0].Title != "Cumulative Update" || part.Rules == nil || part.Rules.Installable == nil {
		t.Errorf("the member is in %v and has the rules %v", part.Holders, part.Rules)
	}
	core, err := part.Fragment(model.PartCore)
	if err != nil || !strings.HasPrefix(string(core), `<UpdateIdentity UpdateID="`) {
		t.Errorf("the core fragment is %.60q, %v", core, err)
	}
	if list, err := part.Names(); err != nil || len(list) < 3 {
		t.Errorf("the parts are %v, %v", list, err)
	}
	if _, err := Of(s, "00000000-0000-0000-0000-000000000000"); !NotKept(err) {
		t.Errorf("nothing at all gave %v", err)
	}
}

func TestWouldItApply(t *testing.T) {
	s := kept(t)
	const registry = "\n[registry]\ncomplete = true\n"
	for name, c := range map[string]struct {
		computer          string
		installed, needed applicability.Truth
	}{
		"the one fits":        {"[windows]\nversion = \"10.0.26100.1\"\n[processor]\narchitecture = \"x64\"" + registry, applicability.No, applicability.Yes},
		"the other fits":      {"[windows]\nversion = \"10.0.22631.1\"\n[processor]\narchitecture = \"x64\"" + registry, applicability.No, applicability.Yes},
		"none fits":           {"[windows]\nversion = \"10.0.19045.1\"\n[processor]\narchitecture = \"x64\"" + registry, applicability.No, applicability.No},
		"prerequisite is not": {"[windows]\nversion = \"10.0.26100.1\"\n[processor]\narchitecture = \"arm64\"" + registry, applicability.No, applicability.No},
		"prerequisite?":       {"[windows]\nversion = \"10.0.26100.1\"" + registry, applicability.No, applicability.Unknown},
		"nothing is known":    {"name = \"x\"", applicability.Unknown, applicability.Unknown},
		"installed": {"[windows]\nversion = \"10.0.26100.1\"\n[processor]\narchitecture = \"x64\"" + registry +
			"[[registry.keys]]\npath = 'HKLM\\SOFTWARE\\Packages\\24H2'\n", applicability.Yes, applicability.No},
	} {
		t.Run(name, func(t *testing.T) {
			computer, err := applicability.ReadComputer([]byte(c.computer))
			if err != nil {
				t.Fatal(err)
			}
			v, err := Applies(s, bundle.ID, computer)
			if err != nil {
				t.Fatal(err)
			}
			if v.Installed != c.installed || v.Needed != c.needed {
				t.Errorf("installed %v, needed %v, want %v and %v; missing %v, remarks %v", v.Installed, v.Needed, c.installed, c.needed, v.Missing, v.Remarks)
			}
		})
	}
}
