package report

import (
	"bytes"
	"encoding/csv"
	"strings"
	"testing"
	"unicode/utf8"

	"fettle/model"
)

// nasty is what an upstream or a computer could put into a name.
var nasty = []string{
	"\x1b]0;owned\x07\x1b[31mred\x1b[0m", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "=cmd|' /C calc'!A0", "  =1+1", "+1", "-2+3", "@SUM(A1)",
	"a|b|c", "[click](https://evil.example)", "https://evil.example/x", "line\nbreak\ttab\rreturn", "\u202egnp.exe", "*bold* _it_ `code` # head", "更新プログラム更新プログラム更新プログラム更新プログラム更新",
	"e\u0301e\u0301e\u0301", "👩‍👩‍👧‍👦 family 👩‍👩‍👧‍👦", strings.Repeat("w", 300), `";x,"y`, "\u009b31m", "＝1+1", "&amp;&lt;",
}

func hostileSite(t *testing.T) *site {
	s := newSite(t)
	var updates []*model.Update
	for i, n := range nasty {
		updates = append(updates, &model.Update{ID: model.UpdateID("id " + n), Title: n, Version: n, Upstream: "debian", Class: model.ClassSecurity, CVEs: []string{n}, KB: []string{n},
			Products: []model.CategoryID{model.CategoryID(n)}, Released: s.now, Severity: model.Severity(i % 5)})
	}
	numbers := s.add(updates...)
	for _, n := range nasty {
		st := &model.Status{Reported: s.now, Evaluated: numbers[len(numbers)-1], Failed: numbers[:5], Needed: numbers[5:],
			Packages: []model.NeededPackage{{Package: n, Arch: n, Installed: n, Candidate: n, Reason: n, State: model.NeedBroken}}}
		for _, u := range updates[:5] {
			st.Failures = append(st.Failures, model.Failure{Update: u.ID, Code: n, Text: n})
		}
		s.record(model.Computer{ID: model.ComputerID("id " + n), Name: n, OS: n, Agent: n, Kernel: n, Addresses: []string{n}, Foreign: []string{n}, Pending: []string{n},
			Scan: model.ScanResult{Error: n, Refresh: n}, Contacted: s.now, Reported: s.now}, st)
	}
	s.make(model.Change{Kind: model.ChangeApprove, Name: nasty[1], Remark: nasty[0], Updates: numbers[:10], Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall, Deadline: s.now}}})
	run := model.SyncRun{Upstream: nasty[0], Started: s.now, Manual: true, Actor: model.Actor{Who: nasty[1]}}
	id, err := s.BeginRun(t.Context(), run)
	if err != nil {
		t.Fatal(err)
	}
	run.ID, run.Ended, run.Result, run.Error, run.New = id, s.now, model.SyncFailed, nasty[0], numbers
	for _, n := range nasty {
		run.Failures = append(run.Failures, model.ImportFailure{Item: n, Reason: n})
	}
	run.Remarks = nasty
	if err := s.EndRun(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHostileText(t *testing.T) {
	s := hostileSite(t)
	for _, d := range Definitions() {
		r := s.report(d.Name, Parameters{})
		checkShape(t, r)
		for _, width := range []int{20, 21, 40, 63, 80, 132, 250} {
			checkWidth(t, r, width)
		}
		checkJSON(t, r)
		for form, write := range map[string]func(*bytes.Buffer) error{
			"text": func(b *bytes.Buffer) error { return r.Text(b, 0) }, "narrow": func(b *bytes.Buffer) error { return r.Text(b, 60) },
			"csv": func(b *bytes.Buffer) error { return r.CSV(b, "") }, "json": func(b *bytes.Buffer) error { return r.JSON(b) },
			"markdown": func(b *bytes.Buffer) error { return r.Markdown(b) }, "html": func(b *bytes.Buffer) error { return r.HTML(b) },
		} {
			var b bytes.Buffer
			if err := write(&b); err != nil {
				t.Fatal(err)
			}
			out := b.String()
			if !utf8.ValidString(out) || strings.ContainsAny(out, "\x1b\x07\x00\r\t\u202e\u009b") {
				t.Errorf("%s as %s has control characters", d.Name, form)
			}
			if (form == "html" || form == "markdown") && (strings.Contains(out, "<script") || strings.Contains(out, "<img")) {
				t.Errorf("%s as %s has markup from outside", d.Name, form)
			}
			if form == "html" && (strings.Contains(out, "<a ") || strings.Contains(out, "url(") || strings.Contains(out, "<link")) {
				t.Errorf("%s refers to something outside", d.Name)
			}
			if form == "markdown" {
				checkMarkdown(t, d.Name, out)
			}
		}
		for _, sec := range r.Sections {
			var b bytes.Buffer
			if err := r.CSV(&b, sec.Name); err != nil {
				t.Fatal(err)
			}
			all, err := csv.NewReader(&b).ReadAll()
			if err != nil {
				t.Fatal(err)
			}
			for _, record := range all {
				for _, v := range record {
					if v = strings.TrimLeft(v, " "); v != "" && strings.ContainsAny(v[:1], "=+-@") {
						t.Errorf("%s %s: a spreadsheet would compute %q", d.Name, sec.Name, v)
					}
				}
			}
		}
	}
}

// checkMarkdown makes sure that every row of a table has the cells of its head.
func checkMarkdown(t *testing.T, name, out string) {
	t.Helper()
	columns := 0
	for l := range strings.Lines(out) {
		bare := strings.NewReplacer(`\\`, "", `\|`, "").Replace(strings.TrimSuffix(l, "\n"))
		if !strings.HasPrefix(bare, "|") {
			columns = 0
			continue
		}
		n := strings.Count(bare, "|")
		if columns == 0 {
			columns = n
		}
		if n != columns {
			t.Errorf("%s: a row has %d bars, its head %d: %s", name, n, columns, l)
		}
		if strings.ContainsAny(strings.NewReplacer(`\*`, "", `\_`, "", `\[`, "", "\\`", "").Replace(bare), "*_[`") {
			t.Errorf("%s: markup in %s", name, l)
		}
	}
}

// FuzzText keeps the width promise for any text.
func FuzzText(f *testing.F) {
	for _, n := range append(nasty, "\xff\xfe broken") {
		f.Add(n, 30)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		width = 20 + (width&0x7fffffff)%100
		r := &Report{Title: model.Clean(text), Answers: model.Clean(text), Sections: []Section{
			section("a", "A", "", []string{text, ""}, []field[string]{
				ask("x", "Long title here", KindText, 0, func(s string) Cell { return s }), ask("y", "Y", KindIdentifier, 1, func(s string) Cell { return s }),
				sentence("z", "Z", 0, func(s string) Cell { return s }), ask("n", "Number of things", KindCount, 0, func(s string) Cell { return len(s) }),
			}),
			section("b", "B", "", []string{text}, []field[string]{
				ask("x", "X", KindIdentifier, 0, func(s string) Cell { return s }), ask("y", "Y", KindIdentifier, 0, func(s string) Cell { return s }),
			}),
		}}
		checkWidth(t, r, width)
		if got := strings.Join(wrap(model.Clean(text), width), ""); strings.Join(strings.Fields(got), "") != strings.Join(strings.Fields(model.Clean(text)), "") {
			t.Errorf("wrapping %q lost something: %q", text, got)
		}
	})
}
