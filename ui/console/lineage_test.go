package console

import (
	"fmt"
	"strings"
	"testing"

	"fettle/model"
	"fettle/store"
)

// chain brings updates of which each supersedes all older ones, as cumulative
// updates do; two supersede each other, and one names an update that nobody
// has.
func chain(t *testing.T, s *store.Store, n int) []uint32 {
	t.Helper()
	var all []*model.Update
	id := func(i int) model.UpdateID { return model.UpdateID(fmt.Sprintf("00000000-0000-4000-8000-%012d", i)) }
	for i := range n {
		u := &model.Update{ID: id(i), Upstream: "msft", Title: fmt.Sprintf("Cumulative Update %02d", i), Class: model.ClassSecurity, Severity: model.SeverityCritical, Released: testTime.AddDate(0, i-100, 0), KB: []string{fmt.Sprint(5000 + i)}}
		for j := range i {
			u.Supersedes = append(u.Supersedes, id(j))
		}
		all = append(all, u)
	}
	all[0].Supersedes = append(all[0].Supersedes, id(1), id(99)) // a cycle, and one that is nowhere
	must[store.ImportResult](t)(s.Import(t.Context(), all))
	var numbers []uint32
	for _, u := range all {
		numbers = append(numbers, s.Snapshot().RowByID(u.ID).Number)
	}
	return numbers
}

// TestSupersedenceIsATree shows one below the other what catalogues name side by
// side, folds what is long, and names cycles and what is nowhere.
func TestSupersedenceIsATree(t *testing.T) {
	s := newStore(t)
	setUp(t, s)
	fill(t, s, 0)
	numbers := chain(t, s, 20)
	d := drive(t, s, 80, 60)
	d.press("2")
	d.run(d.c.push(newUpdate(d.c, numbers[19])))
	d.sees("SUPERSEDES", "  ▸ Cumulative Update 18", "    ▸ Cumulative Update 17", "show 9 more of the tree").seesNot("Update 03", "SUPERSEDED BY")
	for range 60 {
		if d.cursorLine() != "" && d.c.top().(*textPane).links[d.c.top().(*textPane).focus].to.fold == "supersedes" {
			break
		}
		d.press("tab")
	}
	d.press("enter").sees("Cumulative Update 03", "a cycle: it stands above", "show less")
	d.press("enter").seesNot("Cumulative Update 03")
	d.press("esc")
	d.run(d.c.push(newUpdate(d.c, numbers[0])))
	d.sees("00000000-0000-4000-8000-000000000099 (not in the catalogue)")
	d.press("esc")
	d.run(d.c.push(newUpdate(d.c, numbers[3])))
	d.sees("SUPERSEDED BY", "  ▸ Cumulative Update 04", "    ▸ Cumulative Update 05")
}

// TestLinesOfDetailsOpen opens what stands for something else.
func TestLinesOfDetailsOpen(t *testing.T) {
	d, s := site(t)
	must[model.Entry](t)(s.Make(t.Context(), model.Change{Kind: model.ChangeApprove, Name: "First", Updates: []uint32{1}, Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}}, admin))
	d.press("2", "/", "ctrl+u").write("package:openssl").press("enter", "enter").sees("STATUS BY GROUP")
	open := func(want string) *driver {
		t.Helper()
		d.press("home")
		for range 30 {
			d.press("tab")
			if l := d.cursorLine(); strings.Contains(l, want) {
				return d.press("enter")
			}
		}
		t.Fatalf("no line %q can be opened:\n%s", want, d.screen())
		return d
	}
	open("Web servers").sees("[3 Computers]", `group:"Web servers" needs:(id:"deb/`, "2 of 5 computers")
	d.press("2", "enter")
	open("db1.example.org").sees("Explain", "WHAT IS EXPLAINED").press("esc")
	open("every computer").sees("by computer", "needed 3").press("esc")
	open("Install for All Computers").sees("First").press("esc")
}
