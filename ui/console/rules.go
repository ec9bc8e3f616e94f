package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// newRules is the screen of automatic approval rules. Running one by hand goes
// over the whole catalogue, so that what it would approve is shown before.
func newRules(c *Console) pane {
	p := newTablePane[uint64](c, "Automatic approval rules", keys.Rules, "rule", "rules",
		table.Column{Title: "Rule", Width: 16, Flexible: true},
		table.Column{Title: "State", Width: 8},
		table.Column{Title: "Classes", Width: 12, Priority: 4},
		table.Column{Title: "Groups", Width: 14, Priority: 1},
		table.Column{Title: "Deadline", Width: 9, Priority: 3},
		table.Column{Title: "Last run", Width: 10, Priority: 2},
		table.Column{Title: "Approved", Width: 8, Right: true, Priority: 5},
		table.Column{Title: "Products", Width: 20, Priority: 6},
	)
	p.empty = []string{"There is no automatic approval rule: what is new waits until somebody approves it.", "",
		"a adds one: new updates of some classifications and products are then approved for groups as soon as a synchronization brings them. Revisions never are."}
	p.load = func(_ context.Context, s scribe, snap *store.Snapshot) (tableRows[uint64], error) {
		var out tableRows[uint64]
		for _, r := range snap.Rules() {
			state := table.Cell{Text: "enabled", Style: s.styles.Good}
			if !r.Enabled {
				state = table.Cell{Text: "disabled", Style: s.styles.Muted}
			}
			last, approved := "never", "-"
			if d := lastRunOf(snap, r.ID); d != nil {
				last, approved = s.date(d.Time), count(len(d.Updates))
				if sameDay(d.Time.In(s.zone), s.now.In(s.zone)) {
					last = d.Time.In(s.zone).Format("15:04")
				}
			}
			out.add(r.ID, table.Cell{Text: model.Clean(r.Name)}, state, table.Cell{Text: classWords(r.Classes)}, table.Cell{Text: model.Clean(groupTitles(snap, r.Groups))},
				table.Cell{Text: ruleDeadline(r.Deadline)}, table.Cell{Text: last}, table.Cell{Text: approved}, table.Cell{Text: orWord(model.Clean(r.Products), "all")})
		}
		return out, nil
	}
	p.open = func(id uint64) tea.Cmd { return c.push(newRule(c, id)) }
	p.off = func(a keys.Action, _ uint64, ok bool) string {
		switch a {
		case keys.EditIt, keys.EnableIt, keys.RunIt, keys.RemoveIt:
			if !ok {
				return "there is no rule yet: a adds one"
			}
		}
		return ""
	}
	p.act = func(a keys.Action, id uint64, ok bool) tea.Cmd {
		switch {
		case a == keys.AddIt:
			return c.editRule(model.Rule{Enabled: true})
		case ok:
			return c.ruleAction(a, id)
		}
		return nil
	}
	return p
}

// ruleByID finds a rule.
func ruleByID(snap *store.Snapshot, id uint64) (model.Rule, bool) {
	for _, r := range snap.Rules() {
		if r.ID == id {
			return r, true
		}
	}
	return model.Rule{}, false
}

// lastRunOf gives the newest deployment that a rule made, or nil.
func lastRunOf(snap *store.Snapshot, id uint64) *model.Deployment {
	for _, d := range snap.Deployments() {
		if d.RuleID == id {
			return d
		}
	}
	return nil
}

func classWords(classes []model.Classification) string {
	words := make([]string, len(classes))
	for i, k := range classes {
		words[i] = k.String()
	}
	return orWord(strings.Join(words, ", "), "all")
}

func groupTitles(snap *store.Snapshot, ids []model.GroupID) string {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = string(id) + " (removed)"
		if g := snap.Groups().Group(id); g != nil {
			names[i] = g.Name
		}
	}
	return strings.Join(names, ", ")
}

func ruleDeadline(d *model.RuleDeadline) string {
	if d == nil {
		return "none"
	}
	return d.String()
}

// ruleAction does what a key asks of a rule, in the list and in its details.
func (c *Console) ruleAction(a keys.Action, id uint64) tea.Cmd {
	r, ok := ruleByID(c.snap, id)
	if !ok {
		return nil
	}
	switch a {
	case keys.EditIt:
		return c.editRule(r)
	case keys.EnableIt:
		word := "Enable"
		if r.Enabled {
			word = "Disable"
		}
		r.Enabled = !r.Enabled
		return c.propose(model.Change{Kind: model.ChangeRuleSet, Automatic: &r}, word, nil)
	case keys.RunIt:
		return c.runRule(r)
	case keys.RemoveIt:
		return c.propose(model.Change{Kind: model.ChangeRuleRemove, Automatic: &model.Rule{ID: r.ID, Name: r.Name}}, "Remove", nil)
	case keys.Copy:
		return c.copy(r.Name)
	}
	return nil
}

// runRule proposes to run a rule over the whole catalogue: what it would
// approve, and what it leaves alone with the reasons.
func (c *Console) runRule(r model.Rule) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	actor := c.actor
	var change atomic.Pointer[model.Change] // that the shown plan is of
	q := &question{c: c, title: "Run " + model.Clean(r.Name), apply: "Run"}
	q.load = func(ctx context.Context, s scribe) ([]string, error) {
		snap := s.store.Snapshot()
		run := snap.RunOf(r, nil, s.serverNow())
		if len(run.Updates) == 0 {
			why := "no update of the catalogue matches it"
			if len(run.Skipped) > 0 {
				why = "everything that it matches is left alone: " + skippedWords(run.Skipped)
			}
			return nil, &model.Refusal{Code: "nothing", What: "The rule was not run", Why: why}
		}
		found := store.RunChange(run)
		p, err := s.store.Plan(ctx, found, actor)
		if err != nil {
			return nil, err
		}
		change.Store(&found)
		return append(s.planText(p), s.runText(snap, run)...), nil
	}
	q.yes = func() tea.Cmd { return c.make(q, *change.Load(), nil) }
	return c.push(q)
}

func skippedWords(list []model.RuleSkip) string {
	words := make([]string, len(list))
	for i, k := range list {
		words[i] = k.Why + " " + count(len(k.Updates))
	}
	return strings.Join(words, ", ")
}

// skipReasons say why a rule leaves an update alone.
var skipReasons = map[string]string{
	"declined": "declined", "licence": "licence terms that nobody accepted", "superseded": "superseded: the successor is approved instead", "expired": "expired by the publisher",
	"withdrawn": "withdrawn by the archive", "user input": "asks the user something, so that it can have no deadline", "approved before": "approved by this rule before",
	"decided by hand": "a person decided: a rule never overrides that",
}

// shownTitles is how many titles of a kind a run lists.
const shownTitles = 5

// runText says what a run of a rule approves, and what it leaves alone and why.
func (s scribe) runText(snap *store.Snapshot, run model.RuleRun) []string {
	p := page{lines: []string{""}}
	p.head("LEFT ALONE")
	for _, k := range run.Skipped {
		p.add("%s: %s", counted(len(k.Updates), "update", "updates"), orWord(skipReasons[k.Why], k.Why))
	}
	if len(run.Skipped) == 0 {
		p.add("nothing")
	}
	p.head("APPROVED BY THE RUN")
	if len(run.Updates) == 0 {
		p.add("nothing of the catalogue as it is")
	} else {
		p.add("%s of the whole catalogue%s", counted(len(run.Updates), "update", "updates"), s.byDeadline(run.Deadline))
		s.someTitles(&p, snap, run.Updates)
	}
	for _, k := range run.Skipped {
		p.head(strings.ToUpper(k.Why))
		s.someTitles(&p, snap, k.Updates)
	}
	return p.lines[1:]
}

// someTitles lists some updates, each in a line of its own.
func (s scribe) someTitles(p *page, snap *store.Snapshot, numbers []uint32) {
	for _, n := range numbers[:min(len(numbers), shownTitles)] {
		if r := snap.Row(n); r != nil {
			p.add("%s", layout.Cut(model.Clean(r.Title), 52, s.styles.Glyphs.Tail))
		}
	}
	if more := len(numbers) - shownTitles; more > 0 {
		p.add("and %s more", count(more))
	}
}

func (s scribe) byDeadline(t time.Time) string {
	if t.IsZero() {
		return ", without a deadline"
	}
	return ", deadline " + s.deadline(t)
}

// newRule shows one rule: what it says, what it did, what a run would do now.
func newRule(c *Console, id uint64) pane {
	p := newTextPane(c, "rule")
	if r, ok := ruleByID(c.snap, id); ok {
		p.title = model.Clean(r.Name)
	}
	p.scope = keys.Rule
	p.load = func(_ context.Context, s scribe, _ int) ([]string, error) {
		snap := s.store.Snapshot()
		r, ok := ruleByID(snap, id)
		if !ok {
			return nil, errors.New("the rule was removed")
		}
		return s.rule(snap, r), nil
	}
	p.acts = func(a keys.Action) tea.Cmd { return c.ruleAction(a, id) }
	return p
}

func (s scribe) rule(snap *store.Snapshot, r model.Rule) []string {
	p := page{lines: []string{r.Name, ""}}
	state := "enabled: it runs after every synchronization, over what that brought"
	if !r.Enabled {
		state = "disabled: it runs only by hand"
	}
	p.fact("State", state)
	titles := make([]string, len(r.Classes))
	for i, k := range r.Classes {
		titles[i] = k.Title()
	}
	p.fact("Classes", orWord(strings.Join(titles, ", "), "all"))
	p.fact("Products", orWord(r.Products, "all"))
	p.fact("Groups", groupTitles(snap, r.Groups))
	due := "none"
	if r.Deadline != nil {
		at := r.Deadline.At(s.serverNow())
		due = fmt.Sprintf("%s after it approves, in the server's zone: today that is %s", dueWords(*r.Deadline), at.In(s.zone).Format("2006-01-02 15:04"))
	}
	p.fact("Deadline", due)
	p.head("WHAT IT DID")
	n := 0
	for _, d := range snap.Deployments() {
		if d.RuleID != r.ID {
			continue
		}
		if n++; n <= 10 {
			undone := ""
			if d.Undone {
				undone = " (taken back)"
			}
			p.add("%s deployment %d: %s by %s%s", s.when(d.Time), d.ID, counted(len(d.Updates), "update", "updates"), d.Author, undone)
		}
	}
	switch {
	case n == 0:
		p.add("nothing yet")
	case n > 10:
		p.add("and %s more", count(n-10))
	}
	run := snap.RunOf(r, nil, s.serverNow())
	p.head("A RUN BY HAND")
	p.add("R runs it over the whole catalogue. As things are, that would be:")
	return append(p.lines, s.runText(snap, run)...)
}

// dueWords writes a rule's deadline in words.
func dueWords(d model.RuleDeadline) string {
	day := counted(d.Days, "day", "days")
	if d.Days == 0 {
		day = "on the day"
	}
	return fmt.Sprintf("%s, at %02d:%02d", day, d.Minute/60, d.Minute%60)
}

// editRule is the form of a rule, new or known.
func (c *Console) editRule(old model.Rule) tea.Cmd {
	if err := cmp.Or(c.readOnly(), c.gate()); err != nil {
		return c.tell(err)
	}
	title, kind, word := "Add a rule", model.ChangeRuleAdd, "Add"
	if old.ID != 0 {
		title, kind, word = "Change "+model.Clean(old.Name), model.ChangeRuleSet, "Change"
	}
	f := &form{c: c, title: title, last: "shows what it would do"}
	name := textItem("Name", old.Name, "Deployments that it makes are called so.")
	enabled := &formItem{label: "Enabled", on: old.Enabled, note: "It runs after every synchronization over the updates that are new. Revisions of known updates never trigger it, and it never overrides a person."}
	first := &formPage{title: "The rule", items: []*formItem{name, enabled}, text: func() []string { return nil }}
	first.check = func() error {
		if name.value() == "" {
			return errors.New("the rule needs a name")
		}
		return nil
	}
	classes := c.knownClasses(old.Classes)
	second := &formPage{title: "Within which classifications"}
	second.text = func() []string { return []string{"Nothing selected means all."} }
	for _, k := range classes {
		second.items = append(second.items, &formItem{label: k.Title(), on: slices.Contains(old.Classes, k)})
	}
	products := textItem("Products", old.Products, `Empty: all. Else a query on what an update is by itself, such as product:"Debian 12 (bookworm)" or package:openssl. Tab is the next item; the catalogue's products stand above.`)
	third := &formPage{title: "For which products", items: []*formItem{products}}
	third.text = func() []string {
		var titles []string
		for _, cat := range c.snap.Categories() {
			if cat.Parent == "" && cat.Kind == model.CategoryProduct {
				titles = append(titles, cat.Title)
			}
		}
		return []string{"The catalogue knows: " + orWord(strings.Join(titles, ", "), "no products yet") + "."}
	}
	third.check = func() error { return checkRuleProducts(products.value()) }
	fourth := &formPage{title: "For which computer groups"}
	fourth.text = func() []string { return []string{"New updates are approved for Install for these groups."} }
	tree := c.snap.Groups()
	var groups []model.GroupID
	for _, id := range tree.Order() {
		g := tree.Group(id)
		n := int(c.snap.Members(id).GetCardinality())
		if n == 0 && g.Predefined() && id != model.GroupAll && !slices.Contains(old.Groups, id) {
			continue
		}
		groups = append(groups, id)
		fourth.items = append(fourth.items, &formItem{label: layout.Blanks(2*tree.Depth(id)) + model.Clean(g.Name) + " (" + counted(n, "computer", "computers") + ")", on: slices.Contains(old.Groups, id)})
	}
	fourth.check = func() error {
		if !slices.ContainsFunc(fourth.items, func(it *formItem) bool { return it.on }) {
			return errors.New("nothing is selected: Space selects a group")
		}
		return nil
	}
	fifth, deadline := deadlinePage(old.Deadline)
	f.pages = []*formPage{first, second, third, fourth, fifth}
	f.finish = func() tea.Cmd {
		f.working = false
		r := model.Rule{ID: old.ID, Name: name.value(), Enabled: enabled.on, Products: products.value(), Deadline: deadline()}
		for i, it := range second.items {
			if it.on {
				r.Classes = append(r.Classes, classes[i])
			}
		}
		for i, it := range fourth.items {
			if it.on {
				r.Groups = append(r.Groups, groups[i])
			}
		}
		return c.proposeWith(model.Change{Kind: kind, Automatic: &r}, word, func(_ context.Context, s scribe) ([]string, error) {
			return ruleText(s.store.Snapshot(), r), nil
		}, func(model.Entry) tea.Cmd { return c.drop(f) })
	}
	return c.push(f)
}

// ruleText is a rule in one sentence: the plan counts, but does not repeat it.
func ruleText(snap *store.Snapshot, r model.Rule) []string {
	return []string{"THE RULE", fmt.Sprintf("Classifications: %s. Products: %s. Groups: %s. Deadline: %s.", classWords(r.Classes), orWord(r.Products, "all"), groupTitles(snap, r.Groups), ruleDeadline(r.Deadline))}
}

// knownClasses are the classifications that the catalogue has, and those that
// are chosen already.
func (c *Console) knownClasses(chosen []model.Classification) []model.Classification {
	present := map[model.Classification]bool{}
	for _, r := range c.snap.Updates() {
		present[r.Class] = true
	}
	var out []model.Classification
	for _, k := range model.Classifications() {
		if present[k] || slices.Contains(chosen, k) {
			out = append(out, k)
		}
	}
	if len(out) == 0 { // nothing came yet: what the upstreams may bring
		var kinds []model.UpstreamKind
		for _, u := range c.snap.Upstreams() {
			kinds = append(kinds, u.Kind)
		}
		return classesFrom(kinds...)
	}
	return out
}

// checkRuleProducts says what is wrong with a rule's query: it must ask only
// for what describes an update itself, since a rule looks at it once.
func checkRuleProducts(text string) error {
	q, err := query.ParseUpdates(text)
	if err != nil {
		return err
	}
	if ok, field := q.Static(); !ok {
		return fmt.Errorf("%s can answer differently tomorrow; a rule looks at an update once, when it is new", field)
	}
	return nil
}

// deadlinePage asks for a rule's deadline.
func deadlinePage(old *model.RuleDeadline) (*formPage, func() *model.RuleDeadline) {
	p := &formPage{title: "With which deadline"}
	p.text = func() []string {
		return []string{"Until the deadline the policy of a computer says when it installs; a deadline that has come is obeyed at the next check-in. It counts from the day on which the rule approves, in the server's zone."}
	}
	choices := []string{"", "0d@00:00", "7d@03:00", "14d@03:00", "30d@03:00"}
	labels := []string{"No deadline", "At the next check-in", "After 7 days, at 03:00", "After 14 days, at 03:00", "After 30 days, at 03:00"}
	custom := textItem("Another", "", "DAYS@TIME, such as 10d@22:30. It goes before the choice above.")
	found := old == nil
	for i, l := range labels {
		on := old == nil && i == 0 || old != nil && old.String() == choices[i]
		found = found || on
		p.items = append(p.items, &formItem{label: l, one: true, on: on})
	}
	if !found {
		custom.field.SetValue(old.String())
	}
	p.items = append(p.items, custom)
	p.check = func() error {
		if custom.value() == "" {
			return nil
		}
		_, err := model.ParseRuleDeadline(custom.value())
		return err
	}
	return p, func() *model.RuleDeadline {
		text := custom.value()
		for i, it := range p.items {
			if it.one && it.on && text == "" {
				text = choices[i]
			}
		}
		if text == "" {
			return nil
		}
		d, err := model.ParseRuleDeadline(text)
		if err != nil {
			return nil
		}
		return &d
	}
}
