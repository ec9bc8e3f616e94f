package wsusscn2

import (
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"
	"fettle/sync/cabinet"
	"fettle/sync/upstream"
)

// TestTiny compares every part of a small catalogue with what is to come out,
// however the cabinets are packed.
func TestTiny(t *testing.T) {
	for name, change := range map[string]func(*build){
		"stored":       func(*build) {},
		"MSZIP":        func(d *build) { d.method = cabinet.MSZIP },
		"LZX":          func(d *build) { d.method = cabinet.LZX },
		"packed twice": func(d *build) { d.method, d.packed = cabinet.LZX, true },
		"no namespace": func(d *build) { d.graph = strings.Replace(d.graph, ` xmlns="`+namespace+`"`, "", 1) },
	} {
		t.Run(name, func(t *testing.T) {
			d := tiny()
			change(&d)
			s := newStore(t)
			take(t, s, d.bytes(t), func(o *Options) { o.Languages = []string{"de-AT"} })
			sha1, err := hex.DecodeString("b0f2bccf10db6a727dc51d4062b88234a5b96164")
			if err != nil {
				t.Fatal(err)
			}
			u := *s.updates[model.UpdateID(id(1))]
			if len(u.Applies) != 32 {
				t.Errorf("no digest of the rules: %x", u.Applies)
			}
			u.Applies = nil
			want := model.Update{
				ID: model.UpdateID(id(1)), Document: 200, Title: "Das Update", Description: "What it does.", Class: model.ClassSecurity, Severity: model.SeverityImportant,
				Products: []model.CategoryID{product}, KB: []string{"5000001"}, Bulletins: []string{"MS15-081"}, Released: time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC),
				Supersedes: []model.UpdateID{model.UpdateID(id(4))}, Restart: model.RestartMay, Removable: true, Bundles: []model.UpdateID{model.UpdateID(id(2))},
				Files: []model.File{{Name: "a.msu", Size: 123, SHA1: sha1, URL: "http://download.example/a.msu"}},
			}
			if !reflect.DeepEqual(u, want) {
				t.Errorf("got\n%+v\nwant\n%+v", u, want)
			}
			if got := s.updates[model.UpdateID(id(101))].Supersedes; !slices.Equal(got, []model.UpdateID{model.UpdateID(id(1))}) {
				t.Errorf("what package.xml alone says is superseded: %v", got)
			}
			if len(s.updates) != 3 || len(s.documents) != 5 {
				t.Errorf("%d updates, %d documents", len(s.updates), len(s.documents))
			}
			categories := map[model.CategoryID]model.Category{
				product:                                {ID: product, Title: "Windows 11", Kind: model.CategoryProduct, Parent: "6964aab4-c5b5-43bd-a17d-ffb4346a8e1d", Document: 200},
				"0fa1201d-4330-4fa8-8ae9-b877473b6441": {ID: "0fa1201d-4330-4fa8-8ae9-b877473b6441", Title: "Security Updates", Kind: model.CategoryClassification},
				"6964aab4-c5b5-43bd-a17d-ffb4346a8e1d": {ID: "6964aab4-c5b5-43bd-a17d-ffb4346a8e1d", Title: "6964aab4-c5b5-43bd-a17d-ffb4346a8e1d", Kind: model.CategoryFamily, Parent: "56309036-4c77-4dd9-951a-99ee9c246a94"},
				"56309036-4c77-4dd9-951a-99ee9c246a94": {ID: "56309036-4c77-4dd9-951a-99ee9c246a94", Title: "56309036-4c77-4dd9-951a-99ee9c246a94", Kind: model.CategoryCompany},
			}
			if !reflect.DeepEqual(s.categories, categories) {
				t.Errorf("got\n%+v\nwant\n%+v", s.categories, categories)
			}
			document := s.documents[model.DocumentKey{ID: model.UpdateID(id(1)), Revision: 200}]
			for _, name := range []string{"c/1", "x/1", "l/de/1", "l/en/1"} {
				part := map[byte]string{'c': model.PartCore, 'x': model.PartExtended, 'l': model.PartText}[name[0]]
				if part == model.PartText {
					part += name[2:4]
				}
				if string(document.Part(part)) != d.shards[0][name] {
					t.Errorf("%s is not kept to the byte: %q", part, document.Part(part))
				}
			}
			if len(document.Parts) != 4 || document.Form != model.DocumentFragments || !document.Deployable || document.Kind != model.DocumentSoftware {
				t.Errorf("%+v", document)
			}
			if !slices.ContainsFunc(s.remarks, func(r string) bool {
				return r == "2 supersedence edges name updates that are not in the catalogue, and were left out."
			}) {
				t.Errorf("%v", s.remarks)
			}
		})
	}
}

// TestImplausible changes one thing at a time: each must fail loudly, and leave
// what was there.
func TestImplausible(t *testing.T) {
	replace := func(old, new string) func(*build) {
		return func(d *build) {
			if !strings.Contains(d.graph, old) {
				panic(old)
			}
			d.graph = strings.ReplaceAll(d.graph, old, new)
		}
	}
	index := func(content string) func(*build) { return func(d *build) { d.index = content } }
	everywhere := func(prefix, old, new string) func(*build) {
		return func(d *build) {
			for _, s := range d.shards {
				for name, f := range s {
					if strings.HasPrefix(name, prefix) {
						s[name] = strings.ReplaceAll(f, old, new)
					}
				}
			}
		}
	}
	const cabs = `<CAB NAME="package.cab" /><CAB NAME="package2.cab" RANGESTART="0" /><CAB NAME="package3.cab" RANGESTART="100" />`
	for name, c := range map[string]struct {
		change func(*build)
		want   string
	}{
		"no revisions":           {func(d *build) { d.graph = rootOf + `<Updates /></OfflineSyncPackage>` }, "lists no revisions"},
		"no bundles":             {replace(` IsBundle="true"`, ``), "no bundle"},
		"another document":       {replace("OfflineSyncPackage", "Package"), "another kind"},
		"another namespace":      {replace("2004/02", "2034/02"), "another kind"},
		"no KB numbers":          {everywhere("x/", "KBArticleID>", "KB>"), "none of its 3 updates has a KB number"},
		"no titles":              {everywhere("l/", "Title>", "Caption>"), "none of its 3 updates has a title"},
		"nothing deployable":     {everywhere("c/", "ExplicitlyDeployable", "Deploy"), "none is an update that can be approved"},
		"no extended fragments":  {func(d *build) { removed(d, "x/") }, "KB number"},
		"a RevisionId twice":     {replace(`RevisionId="4"`, `RevisionId="2"`), "lists the RevisionId 2 twice"},
		"an identity twice":      {replace(`UpdateId="`+id(4)+`"`, `UpdateId="`+id(1)+`"`), "revision 200 twice"},
		"an odd identifier":      {replace(`UpdateId="`+id(4)+`"`, `UpdateId="../../etc"`), `"../../etc"`},
		"an odd RevisionId":      {replace(`RevisionId="4"`, `RevisionId="-4"`), `"-4"`},
		"an odd revision":        {replace(`RevisionNumber="200"`, `RevisionNumber="99999999999"`), "99999999999"},
		"an odd digest":          {replace(`File Id="`+fileID, `File Id="`+fileID[4:]), "the file"},
		"an odd package":         {replace("e1a000e0-", ""), "package identifier"},
		"an odd date":            {replace("2026-07-14T13:54:06Z", "yesterday"), "yesterday"},
		"XOR":                    {index(`<INDEX><CABLIST XOR="7">` + cabs + `</CABLIST></INDEX>`), "XOR"},
		"a missing cabinet":      {index(`<INDEX><CABLIST XOR="0">` + cabs + `<CAB NAME="package4.cab" RANGESTART="200" /></CABLIST></INDEX>`), "package4.cab"},
		"no cabinet for it":      {index(`<INDEX><CABLIST XOR="0"><CAB NAME="package.cab" /><CAB NAME="package2.cab" RANGESTART="2" /></CABLIST></INDEX>`), "RevisionId 1, which no cabinet"},
		"ranges that overlap":    {index(`<INDEX><CABLIST XOR="0">` + cabs + `<CAB NAME="package3.cab" RANGESTART="100" /></CABLIST></INDEX>`), "two cabinets at 100"},
		"a cabinet listed twice": {index(`<INDEX><CABLIST XOR="0">` + cabs + `<CAB NAME="PACKAGE3.cab" RANGESTART="300" /></CABLIST></INDEX>`), "twice"},
		"no list":                {index(`<INDEX />`), "0 lists"},
		"another list":           {index(`<CABLIST />`), "another kind"},
		"an odd range":           {index(`<INDEX><CABLIST XOR="0"><CAB NAME="package.cab" /><CAB NAME="package2.cab" RANGESTART="x" /></CABLIST></INDEX>`), `"x"`},
		"a fragment elsewhere":   {func(d *build) { d.shards[1]["c/4"] = d.shards[0]["c/4"] }, "places elsewhere"},
		"a fragment twice":       {func(d *build) { d.shards[0]["2:x/4"] = d.shards[0]["x/4"] }, "holds x/4 twice"},
		"the layout of 2013":     {func(d *build) { d.shards[0]["s/1"] = "<upd:Update>" }, "the layout of 2013"},
		"no package.xml":         {replace("</Updates>", "</Updates><!--"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := tiny()
			c.change(&d)
			s := newStore(t)
			before := tiny()
			take(t, s, before.bytes(t))
			s.anchor = nil
			updates := len(s.updates)
			err := synchronize(t, s, d.bytes(t))
			var implausible *upstream.ImplausibleError
			if err == nil || !strings.Contains(err.Error(), c.want) || c.want != "" && !errors.As(err, &implausible) {
				t.Errorf("%v, want %q", err, c.want)
			}
			if s.switches != 1 || len(s.updates) != updates {
				t.Error("something changed")
			}
		})
	}
}

func removed(d *build, prefix string) {
	for _, s := range d.shards {
		for name := range s {
			if strings.HasPrefix(name, prefix) {
				delete(s, name)
			}
		}
	}
}

// TestBroken breaks one fragment at a time: its revision fails, and the run goes
// on.
func TestBroken(t *testing.T) {
	whole := newStore(t)
	take(t, whole, tiny().bytes(t))
	for name, c := range map[string]struct {
		change  func(*build)
		item    int // of id
		reason  string
		missing []int // updates that do not come
	}{
		"not well-formed":  {func(d *build) { d.shards[0]["c/4"] += "<" }, 4, "reading its fragments in package2.cab (RevisionId 4)", []int{4}},
		"of another":       {func(d *build) { d.shards[0]["c/4"] = d.shards[0]["c/1"] }, 4, "revision 200", []int{4}},
		"missing":          {func(d *build) { delete(d.shards[0], "c/4") }, 4, "holds no core fragment", []int{4}},
		"nothing of it":    {func(d *build) { delete(d.shards[0], "c/4"); delete(d.shards[0], "x/4"); delete(d.shards[0], "l/en/4") }, 4, "holds no core fragment", []int{4}},
		"an odd extended":  {func(d *build) { d.shards[0]["x/4"] = "<ExtendedProperties" }, 4, "reading its fragments", []int{4}},
		"a member of some": {func(d *build) { d.shards[0]["x/2"] = "</Files>" }, 2, "reading its fragments", []int{1, 4, 101}},
	} {
		t.Run(name, func(t *testing.T) {
			d := tiny()
			c.change(&d)
			if name == "a member of some" { // one that does not need it must be left
				d.graph = strings.Replace(d.graph, "</Updates>", `<Update CreationDate="2026-07-01T00:00:00Z" DefaultLanguage="en" UpdateId="`+id(5)+`" RevisionNumber="200" RevisionId="5" IsBundle="true" /></Updates>`, 1)
				d.shards[0]["c/5"] = strings.ReplaceAll(strings.ReplaceAll(d.shards[0]["c/4"], id(4), id(5)), id(2), id(66))
				d.shards[0]["x/5"], d.shards[0]["l/en/5"] = d.shards[0]["x/4"], d.shards[0]["l/en/4"]
			}
			s := newStore(t)
			take(t, s, d.bytes(t))
			if len(s.failures) != 1 && name != "a member of some" || s.failures[0].Item != id(c.item)+" revision 200" || !strings.Contains(s.failures[0].Reason, c.reason) {
				t.Errorf("%+v", s.failures)
			}
			for _, n := range c.missing {
				if s.updates[model.UpdateID(id(n))] != nil {
					t.Errorf("update %d came all the same", n)
				}
			}
			if s.switched.Complete || len(s.updates) == 0 {
				t.Error("what could not be read was withdrawn")
			}
			// Over a whole one, what cannot be read stays as it was, to be replaced
			// when the same edition comes undamaged.
			s = newStore(t)
			take(t, s, tiny().bytes(t))
			s.anchor = nil
			take(t, s, d.bytes(t))
			for _, n := range []int{1, 4, 101} {
				if u := model.UpdateID(id(n)); !reflect.DeepEqual(s.updates[u], whole.updates[u]) {
					t.Errorf("update %d changed", n)
				}
			}
			if len(s.documents) < len(whole.documents) {
				t.Error("a document was lost")
			}
			switches := s.switches
			take(t, s, tiny().bytes(t))
			if s.switches != switches+1 || len(s.failures) > 0 {
				t.Error("the undamaged file was not taken in")
			}
		})
	}
}

// TestMany refuses what has too many broken fragments to be an accident.
func TestMany(t *testing.T) {
	o := small(1)
	b, _ := generated(t, o)
	outer, err := cabinet.Open(strings.NewReader(string(b)), int64(len(b)), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range outer.Files() {
		files[f.Name] = string(member(t, outer, f.Name))
	}
	inner, err := cabinet.Open(strings.NewReader(files["package3.cab"]), int64(len(files["package3.cab"])), cabinet.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	fragments := map[string]string{}
	for n, f := range inner.Files() {
		fragments[f.Name] = string(member(t, inner, f.Name))
		if strings.HasPrefix(f.Name, "c/") && n%2 == 0 {
			fragments[f.Name] = "<broken"
		}
	}
	files["package3.cab"] = string(cab(t, cabinet.Stored, fragments))
	s := newStore(t)
	err = synchronize(t, s, cab(t, cabinet.Stored, files))
	var implausible *upstream.ImplausibleError
	if !errors.As(err, &implausible) || !strings.Contains(err.Error(), "more than 20 revisions of 600 could not be read") || s.switches != 0 {
		t.Errorf("%v", err)
	}
}
