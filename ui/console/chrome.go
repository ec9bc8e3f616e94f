package console

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"fettle/model"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// tabs is the first line: the screens with their keys, the current one in
// brackets. A narrow screen names the current one only.
func (c *Console) tabs(w int) string {
	line, _ := c.placeTabs(w)
	return line
}

// tabPlace is where a tab stands: the columns from one to before the other.
type tabPlace struct {
	action   keys.Action
	from, to int
}

// The longest name of a tab that is cut, and what is left of it at least.
const longestTab, leastTab = 10, 3

// placeTabs draws the tabs and says where each stands.
func (c *Console) placeTabs(w int) (string, []tabPlace) {
	var keyed, named []string // the two parts of each
	var places []tabPlace
	at := -1
	for _, s := range screens() {
		here := s.action == c.current
		if s.tab == "" && !here {
			continue
		}
		if here {
			at = len(named)
		}
		key := ""
		if bind := c.keys.Action(s.action); bind != nil && len(bind.Keys) > 0 {
			key = bind.Label()
		}
		keyed, named = append(keyed, key), append(named, orWord(s.tab, s.name))
		places = append(places, tabPlace{action: s.action})
	}
	names := make([]string, len(named))
	line := func(gap string, most int) (left, here, right string) {
		for i := range named {
			if i == at {
				names[i] = strings.TrimSpace(keyed[i] + " " + named[i])
			} else {
				names[i] = strings.TrimSpace(keyed[i] + gap + layout.Cut(named[i], most, ""))
			}
		}
		before, after := strings.Join(names[:at], " "), strings.Join(names[at+1:], " ")
		if before != "" {
			before = " " + before
		}
		return before, "[" + names[at] + "]", after
	}
	// First the blank behind each key goes, as panels of two decades have it:
	// 1Overview. Then names are cut as little as the width needs, because a screen
	// without a tab of its own takes room; before they say nothing they are left
	// out.
	left, here, right := line(" ", w)
	for most := w; layout.Width(left+here+right) > w && most >= leastTab; most = min(most-1, longestTab) {
		left, here, right = line("", most)
	}
	if layout.Width(left+here+right) > w {
		left, here, right = line("", 0)
	}
	x := 1
	for i, name := range names { // brackets stand in the place of blanks
		places[i].from, places[i].to = x, x+layout.Width(name)
		x = places[i].to + 1
	}
	if room := w - layout.Width(left+here+right); room > len("Fettle") {
		right += layout.Blanks(room-len("Fettle")) + "Fettle"
	}
	return left + c.styles.Tab.Render(here) + right, places
}

// crumbs is the second line: where we are, and the facts of the pane.
func (c *Console) crumbs(w int) string {
	titles := make([]string, 0, len(c.stack))
	for _, p := range c.stack {
		titles = append(titles, model.Clean(p.Title()))
	}
	if c.o.ReadOnly {
		titles[0] = "[RO] " + titles[0]
	}
	left := " " + strings.Join(titles, " > ")
	right := ""
	if f, ok := c.top().(facts); ok {
		right = f.Facts() + " "
	}
	// A long way is cut at its beginning: the pane itself must be named.
	if room := w - layout.Width(right) - 3; layout.Width(left) > room && len(titles) > 1 {
		left = " " + c.styles.Glyphs.Tail + " > " + titles[len(titles)-1]
	}
	return c.styles.Title.Render(layout.Ends(left, right, w, c.styles.Glyphs.Tail))
}

// statusLine says what just happened; else what runs; else where it stands. It
// is also where texts are asked for.
func (c *Console) statusLine(w int) string {
	if c.prompt != nil {
		return c.prompt.line(c.styles, w)
	}
	if c.status.text != "" {
		word, style := "", c.styles.Info
		switch {
		case c.status.level >= slog.LevelError:
			word, style = "ERROR: ", c.styles.Bad
		case c.status.level >= slog.LevelWarn:
			word, style = "! ", c.styles.Warn
		}
		return style.Render(layout.Fit(" "+word+c.status.text, w, c.styles.Glyphs.Tail))
	}
	if j, ok := c.running(); ok {
		return c.styles.Info.Render(layout.Fit(" "+c.jobLine(j), w, c.styles.Glyphs.Tail))
	}
	left := ""
	switch setup := c.snap.Setup(); {
	case c.fault != nil:
		left = "ERROR: the catalogue could not be read; L shows why"
	case !c.snap.Loaded():
		left = "loading the catalogue"
	case !setup.Complete():
		left = model.SetupIncomplete
	default:
		left = c.syncFact()
	}
	right := model.Clean(c.actor.Who)
	if right != "" {
		right += " (" + c.actor.Role.String() + ")"
	}
	return c.styles.Muted.Render(layout.Ends(" "+left, right+" ", w, c.styles.Glyphs.Tail))
}

// running gives the job that runs, a synchronization before others.
func (c *Console) running() (Job, bool) {
	var found Job
	ok := false
	for _, j := range c.jobs {
		if j.Running() && (!ok || j.Kind == "synchronization") {
			found, ok = j, true
		}
	}
	return found, ok
}

// manyBytes is from how many on steps are bytes: a file is read by bytes, and no
// catalogue has as many updates.
const manyBytes = 1_000_000

// jobLine is a running job in one line.
func (c *Console) jobLine(j Job) string {
	s := model.Clean(j.Name)
	p := j.Progress
	if p.Phase != "" {
		s += ": " + model.Clean(p.Phase)
	}
	switch {
	case p.Total >= manyBytes:
		s += fmt.Sprintf(" %s of %s (%d %%)", size(p.Done), size(p.Total), 100*p.Done/p.Total)
	case p.Total > 0:
		s += fmt.Sprintf(" %s of %s (%d %%)", count(int(p.Done)), count(int(p.Total)), 100*p.Done/p.Total)
	case p.Done > 0:
		s += " " + count(int(p.Done))
	}
	if p.Bytes > 0 {
		s += ", " + size(p.Bytes)
	}
	return s
}

// syncFact says when the catalogue was last brought into step, and how.
func (c *Console) syncFact() string {
	var r *model.SyncRun
	for _, run := range c.snap.Runs() {
		// A refused file says nothing about the catalogue.
		if !run.Ended.IsZero() && run.Result != model.SyncRefused {
			r = run
			break
		}
	}
	if r == nil {
		return "never synchronized"
	}
	return fmt.Sprintf("synchronized %s, %s", c.when(r.Ended), r.Result)
}

// hints is the last line: the keys of the pane, the most useful first.
func (c *Console) hints(w int) string {
	if c.prompt != nil {
		return c.prompt.hints(c.styles, w)
	}
	var b strings.Builder
	pk := c.top().Keys()
	list := c.keys.Hints(pk.Scope)
	// The way to all the other keys is always there.
	width := 0
	if i := slices.IndexFunc(list, func(b *keys.Binding) bool { return b.Action == keys.HelpMe }); i >= 0 {
		width = layout.Width(list[i].Label()) + layout.Width(list[i].Short) + 3
	}
	for _, h := range list {
		if c.off(h, pk) != "" {
			continue
		}
		if h.Dangerous && c.actor.Role == model.AccessViewer {
			continue
		}
		if h.Action == keys.Back && len(c.stack) == 1 {
			continue
		}
		if h.Action == keys.Quit && len(c.stack) > 1 {
			continue
		}
		label, word := h.Label(), h.Short
		n := layout.Width(label) + 1 + layout.Width(word) + 2
		if h.Action == keys.HelpMe {
			n = 0 // counted already
		}
		if width+n > w {
			continue
		}
		width += n
		b.WriteString(" " + c.styles.Key.Render(label) + " " + word + " ")
	}
	return b.String()
}

// off says why a binding cannot be used now.
func (c *Console) off(b *keys.Binding, pk paneKeys) string {
	switch b.Action {
	case keys.Suspend:
		if !c.o.Local || !jobControl() {
			return "there is no shell with job control behind this session"
		}
		return ""
	case keys.CheckIn, keys.InstallNow, keys.Synchronize, keys.CancelJob, keys.ImportFile:
		if c.o.Engine == nil {
			return "nothing runs in the background of this console"
		}
	case keys.ToReports:
		if c.o.Reporter == nil {
			return "this version makes no reports"
		}
	}
	if pk.Disabled != nil {
		return pk.Disabled(b.Action)
	}
	return ""
}
