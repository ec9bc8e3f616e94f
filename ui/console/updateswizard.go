package console

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
)

// updatesWizard is the Updates Management Configuration Wizard: its answers, and
// what was found out meanwhile. Which pages it has depends on the upstream.
type updatesWizard struct {
	c *Console
	f *form

	kinds     []*formItem // one for each of upstreamKinds
	proxy     *formItem
	file      *formItem
	languages *formItem
	classes   map[model.Classification]*formItem
	tree      *productTree // nil = no synchronization has brought products yet
	query     *formItem    // nil = none is set
	schedule  []*formItem
	custom    *formItem
	now       *formItem
	later     *formItem

	catalogue request
	test      request
	tested    []string
	testErr   error
	testing   bool
	estimate  request
	guess     *model.Estimate
	guessErr  error
}

// upstreamChoice is a kind of upstream to choose.
type upstreamChoice struct {
	kind  model.UpstreamKind
	label string
	note  string
}

// upstreamKinds are the kinds of upstreams that can be set up here.
var upstreamKinds = []upstreamChoice{
	{model.UpstreamDebian, "Debian: the archives that this computer's own apt is configured for", ""},
	{model.UpstreamWsusscn2, "Microsoft: the offline scan catalogue, a file", "wsusscn2.cab: security updates, update rollups and service packs. Microsoft publishes a new one each month."},
	{model.UpstreamWsusExport, "Microsoft: a package of wsusutil export, a file", "The catalogue of a WSUS server, written there as a cabinet: wsusutil export export.cab export.log"},
}

// classesOf are the classifications that an upstream of a kind brings.
func classesOf(kind model.UpstreamKind) []model.Classification {
	switch kind {
	case model.UpstreamDebian:
		return []model.Classification{model.ClassSecurity, model.ClassUpdate}
	case model.UpstreamWsusscn2, model.UpstreamWsusExport, model.UpstreamMicrosoft:
		return model.Classifications()
	}
	return nil
}

// fromFile says whether an upstream of a kind is a file that somebody carries in.
func fromFile(kind model.UpstreamKind) bool {
	return kind == model.UpstreamWsusscn2 || kind == model.UpstreamWsusExport
}

// newUpdatesWizard makes the wizard, with the pages whose engine exists.
func newUpdatesWizard(c *Console) pane {
	w := &updatesWizard{c: c, f: &form{c: c, title: "Updates Management Configuration Wizard"}}
	set := c.snap.Settings()
	first := model.UpstreamDebian
	for _, u := range c.snap.Upstreams() {
		if slices.ContainsFunc(upstreamKinds, func(k upstreamChoice) bool { return k.kind == u.Kind }) {
			first = u.Kind
			break
		}
	}
	for _, k := range upstreamKinds {
		w.kinds = append(w.kinds, &formItem{label: k.label, note: k.note, one: true, on: k.kind == first})
	}
	w.proxy = textItem("Proxy", "", "Empty: the proxy that apt is configured for, if any. Else http://HOST:PORT.")
	w.file = textItem("File", "", "A full path on the machine that holds the data of Fettle, such as /srv/updates/wsusscn2.cab.")
	w.languages = textItem("Languages", strings.Join(set.Languages, ", "), "Of titles and descriptions, the preferred one first, such as: de, en. Empty: English.")
	w.classes = map[model.Classification]*formItem{}
	for _, k := range model.Classifications() {
		w.classes[k] = &formItem{label: k.Title(), on: len(set.Classes) == 0 || slices.Contains(set.Classes, k)}
	}
	if len(c.snap.Categories()) > 0 {
		w.tree = newProductTree(c, false)
		w.tree.take(set)
	}
	if set.Products != "" {
		w.query = textItem("Query", set.Products, `A query on updates, such as product:"Debian 12 (bookworm)". Empty: none.`)
	}
	w.now = &formItem{label: "Synchronize now", one: true, on: true}
	w.later = &formItem{label: "Later", one: true, note: "At the next scheduled time, or when you start it (8, then s)."}
	w.answer()
	w.f.pages = append([]*formPage{w.upstreamPage()}, w.rest()...)
	w.f.finish = w.finish
	return w.f
}

// kind is the kind of upstream that was chosen.
func (w *updatesWizard) kind() model.UpstreamKind {
	for i, it := range w.kinds {
		if it.on {
			return upstreamKinds[i].kind
		}
	}
	return model.UpstreamDebian
}

// answer fills in what the chosen upstream was configured with.
func (w *updatesWizard) answer() {
	old, known := w.before()
	w.proxy.field.SetValue(old.Proxy)
	w.file.field.SetValue("")
	if fromFile(w.kind()) {
		w.file.field.SetValue(old.Location)
	}
	for _, it := range []*formItem{w.proxy, w.file} {
		it.field.CursorEnd()
	}
	w.custom = textItem("Another schedule", "", "N/day@HH:MM, N from 1 to 24: 4/day@03:00 is at 03, 09, 15 and 21.")
	w.schedule = []*formItem{
		{label: "Once a day, at 03:00", one: true}, {label: "Four times a day, from 03:00 on", one: true}, {label: "By hand only", one: true},
	}
	switch i := slices.Index(scheduleTexts, old.Schedule.String()); {
	case !known && fromFile(w.kind()):
		w.schedule[2].on = true // somebody carries the next edition in
	case !known:
		w.schedule[1].on = true
	case i >= 0:
		w.schedule[i].on = true
	default:
		w.custom.field.SetValue(old.Schedule.String())
	}
}

// rest makes the pages after the first for the upstream that was chosen.
func (w *updatesWizard) rest() []*formPage {
	pages := []*formPage{w.connectionPage()}
	if w.kind() != model.UpstreamDebian {
		pages = append(pages, w.languagesPage())
	}
	pages = append(pages, w.classesPage())
	if w.tree != nil {
		pages = append(pages, w.productsPage())
	}
	if w.query != nil {
		pages = append(pages, w.queryPage())
	}
	return append(pages, w.contentPage(), w.schedulePage(), w.initialPage(), w.summaryPage())
}

// upstream is what was answered.
func (w *updatesWizard) upstream() model.Upstream {
	s, _ := model.ParseSyncSchedule(w.scheduleText())
	kind := w.kind()
	u := model.Upstream{Name: w.name(), Kind: kind, Location: "apt", Schedule: s}
	if fromFile(kind) {
		u.Location = filepath.Clean(w.file.value())
	} else {
		u.Proxy = w.proxy.value()
	}
	return u
}

// name is what the upstream is called: as before, else like its kind.
func (w *updatesWizard) name() string {
	if old, ok := w.before(); ok {
		return old.Name
	}
	return string(w.kind())
}

// before is the upstream of that kind that was configured earlier, if any.
func (w *updatesWizard) before() (model.Upstream, bool) {
	for _, u := range w.c.snap.Upstreams() {
		if u.Kind == w.kind() {
			return u, true
		}
	}
	return model.Upstream{}, false
}

// languageList reads the languages.
func (w *updatesWizard) languageList() ([]string, error) {
	var list []string
	for l := range strings.FieldsFuncSeq(strings.ToLower(w.languages.value()), func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if len(l) < 2 || len(l) > 12 || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
			return nil, fmt.Errorf("%q is not a language; write them as de, en or pt-br", l)
		}
		if !slices.Contains(list, l) {
			list = append(list, l)
		}
	}
	return list, nil
}

// offered are the classifications to choose from: those of this upstream and of
// the others that are configured, for the choice holds for all.
func (w *updatesWizard) offered() []model.Classification {
	kinds := []model.UpstreamKind{w.kind()}
	for _, u := range w.c.snap.Upstreams() {
		kinds = append(kinds, u.Kind)
	}
	return classesFrom(kinds...)
}

// classesFrom are the classifications that upstreams of some kinds bring, in
// their order.
func classesFrom(kinds ...model.UpstreamKind) []model.Classification {
	var list []model.Classification
	for _, k := range model.Classifications() {
		if slices.ContainsFunc(kinds, func(kind model.UpstreamKind) bool { return slices.Contains(classesOf(kind), k) }) {
			list = append(list, k)
		}
	}
	return list
}

// chosenClasses are the classifications that were chosen; nil = all, those that
// come later too.
func (w *updatesWizard) chosenClasses() []model.Classification {
	offered := w.offered()
	list := slices.DeleteFunc(slices.Clone(offered), func(k model.Classification) bool { return !w.classes[k].on })
	if len(list) == len(offered) {
		return nil
	}
	return list
}

func (w *updatesWizard) classesText() string {
	var titles []string
	for _, k := range w.chosenClasses() {
		titles = append(titles, k.Title())
	}
	return orWord(strings.Join(titles, ", "), "all")
}

var scheduleTexts = []string{"1/day@03:00", "4/day@03:00", "manual"}

func (w *updatesWizard) scheduleText() string { return scheduleOf(w.custom, w.schedule) }

// scheduleOf is the schedule that was written, else the one that was chosen.
func scheduleOf(written *formItem, times []*formItem) string {
	if written.value() != "" {
		return written.value()
	}
	for i, it := range times {
		if it.on {
			return scheduleTexts[i]
		}
	}
	return "manual"
}

func (w *updatesWizard) finish() tea.Cmd {
	c := w.c
	u, set := w.upstream(), c.snap.Settings()
	set.Classes, set.Content = w.chosenClasses(), model.ContentVendor
	if fromFile(u.Kind) {
		set.Languages, _ = w.languageList() // its page checked it
	}
	if w.tree != nil && w.tree.nodes != nil {
		w.tree.give(&set)
	}
	if w.query != nil {
		set.Products = w.query.value()
	}
	if old, ok := w.before(); ok {
		u.Options = old.Options
	}
	var then func(context.Context) error
	done := "updates are managed now"
	if w.now.on && c.o.Engine != nil {
		done += fmt.Sprintf("; the synchronization of %s was started", u.Name)
		then = func(ctx context.Context) error { return c.o.Engine.Synchronize(ctx, []string{u.Name}, c.actor) }
	}
	return c.finishWizard(w.f, model.Change{Kind: model.ChangeUpdates, Upstream: &u, Settings: &set}, then, done)
}

// checkProxy says what is wrong with a proxy.
func checkProxy(s string) error {
	if s != "" && !strings.HasPrefix(s, "http://") && !strings.HasPrefix(s, "https://") || strings.ContainsAny(s, " \t\"'") {
		return errors.New("a proxy is written as http://HOST:PORT")
	}
	return nil
}

// checkFile says what is wrong with the path of a file. Whether it is there and
// what it holds is found out by the test on the next page.
func checkFile(s string) error {
	switch {
	case s == "":
		return errors.New("the file is missing: write its full path")
	case !filepath.IsAbs(s):
		return errors.New("a full path is needed, which begins with /: the process that reads the file may have started in another directory")
	}
	return nil
}

func checkQuery(s string) error {
	_, err := query.ParseUpdates(s)
	return err
}
