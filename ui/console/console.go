package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/theme"
	"fettle/ui/report"
)

// The smallest screen that is drawn. Below it there is a message.
const (
	minWidth  = 60
	minHeight = 15
)

// The lines of a frame that are not the pane's: those above it, and all.
const (
	bodyTop  = 2 // tabs and breadcrumbs
	bodyRest = 4 // and the status line and the hints
)

// Console is the root: the one Bubble Tea model.
type Console struct {
	o      Options
	ctx    context.Context
	cancel context.CancelFunc
	keys   *keys.Map
	scribe // the time of the last message, the zone, the styles
	actor  model.Actor

	storeFeed  <-chan struct{}
	engineFeed <-chan struct{}
	// after is tea.Tick; tests put something that does not wait in its place.
	after func(time.Duration, tea.Msg) tea.Cmd

	snap     *store.Snapshot
	jobs     []Job
	visit    time.Time // the last visit, for is:new
	width    int
	height   int
	stack    []pane
	screens  map[keys.Action]pane // screens keep their cursor, filter and marks
	current  keys.Action
	last     keys.Action
	prompt   *prompt
	commands []string                     // what was written at the palette
	narrowed map[string]report.Parameters // reports by name, as they were last asked for
	opening  string                       // what :open waits for, until the catalogue is there
	seeking  request
	utf8     bool // what the terminal can draw, whatever is wanted
	writing  stateWriter
	status   message
	said     ring
	keyAt    time.Time // of the last key
	begun    sequence
	keyGap   time.Duration
	ticking  bool
	leaving  bool
	saved    state
	fault    error // of the read of the store, once
}

// message is what the status line says.
type message struct {
	level slog.Level
	text  string
}

// New makes a console. The error is that of the settings: an unknown theme, a
// key that two actions share. Close it after the program has ended.
func New(o Options) (*Console, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Zone == nil {
		o.Zone = time.Local
	}
	if o.Server == nil {
		o.Server = time.Local
	}
	if o.NoColor {
		o.Terminal.Profile = termenv.Ascii
	}
	utf8 := o.Terminal.UTF8
	if o.ASCII {
		o.Terminal.UTF8 = false
	}
	saved := readState(o.StatePath)
	styles, err := theme.New(o.Theme, o.Terminal)
	if saved.Theme != "" && saved.ThemeOver == o.Theme && err == nil {
		// :theme was said while the settings said this, too; one that no longer
		// exists is forgotten.
		if st, terr := theme.New(saved.Theme, o.Terminal); terr == nil {
			styles = st
		}
	}
	if err != nil {
		return nil, err
	}
	m, err := keys.New(o.Keys)
	if err != nil {
		return nil, err
	}
	c := &Console{o: o, keys: m, scribe: scribe{zone: o.Zone, server: o.Server, styles: styles, store: o.Store}, actor: o.Actor, screens: map[keys.Action]pane{}, narrowed: map[string]report.Parameters{}, said: ring{limit: 100}, utf8: utf8, opening: o.Open, saved: saved, commands: saved.Commands}
	c.o.ReadOnly = o.ReadOnly || o.Store.ReadOnly()
	if c.o.ReadOnly {
		c.actor.Role = model.AccessViewer // so that the store refuses too, whatever a pane forgets
	}
	c.after = func(d time.Duration, msg tea.Msg) tea.Cmd {
		return tea.Tick(d, func(time.Time) tea.Msg { return msg })
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.storeFeed = o.Store.Watch(c.ctx) // before the first snapshot, so that nothing falls between
	if o.Engine != nil {
		c.engineFeed = o.Engine.Watch(c.ctx)
	}
	c.width, c.height = o.Width, o.Height
	c.visit = c.saved.Visit
	c.look()
	c.visitScreen(c.first())
	if f, ok := c.top().(filtered); ok && o.Filter != "" {
		f.Show(o.Filter) // Init reads it
	} else if o.Filter != "" {
		c.say(slog.LevelWarn, "the screen "+o.View+" has no filter")
	}
	return c, nil
}

// first is the screen to begin with.
func (c *Console) first() keys.Action {
	name := c.o.View
	if name == "" {
		name = c.saved.View
	}
	if !c.snap.Setup().Complete() && c.o.View == "" {
		return keys.ToOverview // a newcomer must see what is to be done
	}
	if a, ok := screenNamed(name); ok {
		return a
	}
	return keys.ToOverview
}

// Close ends what the console watches and reads. The program has ended before.
func (c *Console) Close() { c.cancel() }

// look takes the newest snapshot and the time.
func (c *Console) look() {
	c.now = c.o.Now()
	c.snap = c.o.Store.Snapshot().WithVisit(c.visit)
	if c.o.Engine != nil {
		c.jobs = c.o.Engine.Jobs()
	}
}

// Init begins to watch.
func (c *Console) Init() tea.Cmd {
	return tea.Batch(c.watch(time.Time{}), c.top().Update(shown{}), c.waitLoaded(), c.waitSize(), c.waitReload(), c.opened())
}

// resizedMsg is the next size of a served session's terminal.
type resizedMsg struct{ w, h int }

// waitSize waits for the next size of a served session's terminal.
func (c *Console) waitSize() tea.Cmd {
	if c.o.NextSize == nil {
		return nil
	}
	return func() tea.Msg {
		if w, h, ok := c.o.NextSize(c.ctx); ok {
			return resizedMsg{w, h}
		}
		return nil
	}
}

// waitLoaded tells why the catalogue could not be read.
func (c *Console) waitLoaded() tea.Cmd {
	if c.snap.Loaded() {
		return nil
	}
	return func() tea.Msg {
		if err := c.o.Store.WaitLoaded(c.ctx); err != nil && c.ctx.Err() == nil {
			return faultMsg{err}
		}
		return nil
	}
}

// Messages to the root.
type (
	// changedMsg tells that the store or the engine changed; at is when that
	// was told.
	changedMsg struct{ at time.Time }
	minuteMsg  struct{}
	faultMsg   struct{ err error }
	savedMsg   struct{ err error }
)

// refreshInterval is the shortest time between two live refreshes: five a
// second, as much as a slow line carries.
const refreshInterval = 200 * time.Millisecond

// watch waits for the next change. Changes that come together are told as one,
// and the last one is always told.
func (c *Console) watch(before time.Time) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-c.storeFeed:
		case <-c.engineFeed:
		case <-c.ctx.Done():
			return nil
		}
		if wait := refreshInterval - time.Since(before); !before.IsZero() && wait > 0 {
			t := time.NewTimer(wait)
			defer t.Stop()
			select {
			case <-t.C:
			case <-c.ctx.Done():
				return nil
			}
		}
		return changedMsg{time.Now()}
	}
}

// Update takes in one message.
func (c *Console) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	c.now = c.o.Now()
	cmd := c.update(msg)
	return c, tea.Batch(cmd, c.tick())
}

func (c *Console) update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		c.width, c.height = msg.Width, msg.Height
		return c.top().Update(shown{})
	case resizedMsg:
		// Bubble Tea's renderer must hear of it too.
		size := tea.WindowSizeMsg{Width: msg.w, Height: msg.h}
		return tea.Batch(func() tea.Msg { return size }, c.waitSize())
	case tea.KeyMsg:
		return c.typed(msg)
	case tea.MouseMsg:
		return c.pointed(msg)
	case answered:
		return msg.take()
	case changedMsg:
		return tea.Batch(c.refresh(), c.watch(msg.at))
	case minuteMsg:
		c.ticking = false
		if m, ok := c.top().(minutely); ok {
			return m.Minute()
		}
		return nil
	case faultMsg:
		c.fault = msg.err
		c.say(slog.LevelError, msg.err.Error())
	case begunMsg:
		if msg.number == c.begun.number {
			return c.giveUp()
		}
	case reloadMsg:
		return tea.Batch(c.reload(), c.waitReload())
	case reloadedMsg:
		return c.reloaded(msg)
	case savedMsg:
		if msg.err != nil {
			c.said.add(logLine{c.now, slog.LevelWarn, msg.err.Error()})
		}
		if c.leaving {
			return tea.Quit
		}
	case tea.ResumeMsg:
		return tea.ClearScreen
	case promptMsg:
		if c.prompt == msg.prompt && c.prompt.edit == msg.edit && c.prompt.change != nil {
			return c.prompt.change(c.prompt.field.Value())
		}
	case restMsg:
		return msg.rested()
	case planTick:
		return msg.ticked()
	}
	return nil
}

// refresh shows what is new, without moving anything.
func (c *Console) refresh() tea.Cmd {
	before := c.jobs
	c.look()
	for _, j := range c.jobs {
		if j.Running() || !slices.ContainsFunc(before, func(b Job) bool { return b.ID == j.ID && b.Running() }) {
			continue
		}
		switch {
		case j.Canceled:
			c.say(slog.LevelWarn, j.Name+" was cancelled")
		case j.Err != "":
			c.say(slog.LevelError, j.Name+": "+j.Err)
		default:
			c.say(slog.LevelInfo, j.Name+" ended: "+j.Result)
		}
	}
	var cmds []tea.Cmd
	for _, p := range c.stack {
		cmds = append(cmds, p.Update(changed{}))
	}
	return tea.Batch(append(cmds, c.opened())...)
}

// tick arranges for the next minute, if an age is on the screen.
func (c *Console) tick() tea.Cmd {
	if a, ok := c.top().(aging); !ok || c.ticking || !a.Aging() {
		return nil
	}
	c.ticking = true
	return c.after(time.Minute-time.Duration(c.now.UnixNano()%int64(time.Minute)), minuteMsg{})
}

// top is the pane on the screen.
func (c *Console) top() pane { return c.stack[len(c.stack)-1] }

// push puts a pane on the screen.
func (c *Console) push(p pane) tea.Cmd {
	c.stack = append(c.stack, p)
	return p.Update(shown{})
}

// pop goes back by one pane.
func (c *Console) pop() tea.Cmd {
	if len(c.stack) < 2 {
		return nil
	}
	c.stack = c.stack[:len(c.stack)-1]
	return c.top().Update(shown{})
}

// drop takes a pane and all above it off the screen.
func (c *Console) drop(p pane) tea.Cmd {
	for i, q := range c.stack {
		if q == p && i > 0 {
			c.stack = c.stack[:i]
			return c.top().Update(shown{})
		}
	}
	return nil
}

// screen describes one screen that has a tab or a key.
type screen struct {
	action keys.Action
	name   string // of --view and the palette
	tab    string // as the tabs show it; empty = no tab
	make   func(*Console) pane
}

// screens lists the screens whose engine exists, in the order of their tabs.
func screens() []screen {
	return []screen{
		{keys.ToOverview, "overview", "Overview", newOverview},
		{keys.ToUpdates, "updates", "Updates", newUpdates},
		{keys.ToComps, "computers", "Computers", newComputers},
		{keys.ToGroups, "groups", "Groups", newGroups},
		{keys.ToDeploy, "deployments", "Deploy", newDeployments},
		{keys.ToRules, "rules", "Rules", newRules},
		{keys.ToReports, "reports", "Reports", newReports},
		{keys.ToSync, "synchronization", "Sync", newSynchronization},
		{keys.ToSettings, "settings", "Settings", newSettings},
		{keys.ToTriage, "triage", "", newTriage},
		{keys.ToJournal, "journal", "", newJournal},
		{keys.ToLog, "log", "", newLogPane},
		{keys.ToAgenda, "agenda", "", newAgenda},
		{keys.ToPending, "pending", "", newPending},
		{keys.ToCleanup, "cleanup", "", newCleanup},
		{keys.ToProducts, "products", "", newProducts},
	}
}

// screenNamed finds a screen by its name or the beginning of it.
func screenNamed(name string) (keys.Action, bool) {
	name = strings.ToLower(name)
	if name == "" {
		return "", false
	}
	for _, s := range screens() {
		if s.name == name {
			return s.action, true
		}
	}
	for _, s := range screens() {
		if strings.HasPrefix(s.name, name) {
			return s.action, true
		}
	}
	return "", false
}

// visitScreen goes to a screen, which keeps its state while others are shown.
func (c *Console) visitScreen(a keys.Action) tea.Cmd {
	for _, s := range screens() {
		if s.action != a {
			continue
		}
		p := c.screens[a]
		if p == nil {
			p = s.make(c)
			c.screens[a] = p
		}
		if c.current != a {
			c.last, c.current = c.current, a
		}
		c.stack = []pane{p}
		return p.Update(shown{})
	}
	return nil
}

// open goes to a screen with a filter.
func (c *Console) open(view, filter string) tea.Cmd {
	switch view {
	case "setup-computers":
		return c.push(newComputersWizard(c))
	case "setup-updates":
		return c.push(newUpdatesWizard(c))
	case "options":
		return tea.Batch(c.visitScreen(keys.ToSettings), c.push(newOptions(c)))
	}
	a, ok := screenNamed(view)
	if !ok {
		return nil
	}
	cmd := c.visitScreen(a)
	if f, ok := c.top().(filtered); ok {
		return tea.Batch(cmd, f.Show(filter))
	}
	return cmd
}

// say puts a sentence on the status line until the next key, and into the log.
// What comes after an error does not hide it: it must have been seen.
func (c *Console) say(level slog.Level, text string) {
	text = model.Clean(text)
	if c.status.level < slog.LevelError || level >= slog.LevelError {
		c.status = message{level, text}
	}
	c.said.add(logLine{c.now, level, text})
}

// tell shows an error: a refusal on a page of its own, because its remedy must
// be read; anything else on the status line.
func (c *Console) tell(err error) tea.Cmd {
	var waits *model.AwaitingConsent
	if errors.As(err, &waits) {
		c.say(slog.LevelInfo, waiting(waits))
		return nil
	}
	var r *model.Refusal
	if errors.As(err, &r) {
		c.said.add(logLine{c.now, slog.LevelWarn, model.Clean(r.Error())})
		return c.push(newRefusal(c, r))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		c.say(slog.LevelError, err.Error())
	}
	return nil
}

// readOnly refuses a change before a dialog is filled in for nothing.
func (c *Console) readOnly() error {
	if c.o.ReadOnly {
		return &model.Refusal{Code: "read-only", What: "The change was refused", Why: "this is a read-only session", Remedy: "start without --read-only"}
	}
	return nil
}

// gate refuses what the setup does not let through yet.
func (c *Console) gate() error {
	if !c.snap.Setup().Complete() {
		return model.SetupRefusal(c.snap.Setup())
	}
	return nil
}

// View draws the frame: exactly as many lines as the terminal has.
func (c *Console) View() string {
	w, h := c.width, c.height
	if w <= 0 || h <= 0 {
		return ""
	}
	if w < minWidth || h < minHeight {
		lines := []string{"The window is too small.", fmt.Sprintf("need %dx%d", minWidth, minHeight), fmt.Sprintf("has  %dx%d", w, h)}
		return layout.Frame(lines, w, h)
	}
	p := c.top()
	lines := make([]string, 0, h)
	lines = append(lines, c.tabs(w), c.crumbs(w))
	var body []string
	if c.faulty() {
		body = c.faultPage(w)
	} else {
		body = strings.Split(p.View(w, h-bodyRest), "\n")
	}
	for i := range h - bodyRest {
		if i < len(body) {
			lines = append(lines, body[i])
		} else {
			lines = append(lines, "")
		}
	}
	lines = append(lines, c.statusLine(w), c.hints(w))
	frame := layout.Frame(lines, w, h)
	if !c.styles.Terminal.UTF8 {
		frame = layout.ASCII(frame)
	}
	return frame
}
