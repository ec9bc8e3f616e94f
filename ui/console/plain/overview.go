package plain

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

// menu is a list of sentences, each of which may lead somewhere.
type menu struct {
	texts  []string
	follow []string
}

// Len is how many sentences there are.
func (m *menu) Len() int { return len(m.texts) }

// Line is a sentence.
func (m *menu) Line(i int) string { return m.texts[i] }

// Labels is a sentence.
func (m *menu) Labels(i int) []string { return m.texts[i : i+1] }

// Value is nothing: a menu has no columns.
func (m *menu) Value(int, string) any { return nil }

// Keys is nothing.
func (m *menu) Keys() []string { return nil }

// levels are the words for how pressing a notice is.
var levels = map[model.NoticeLevel]string{model.NoticeInfo: "note", model.NoticeWarning: "warning", model.NoticeError: "error", model.NoticeSetup: "to do"}

// overview reads out what wants attention and how it stands. What has a number
// can be opened.
func (c *Console) overview(ctx context.Context) int {
	snap, now := c.o.Store.Snapshot(), c.o.Now()
	m := &menu{}
	add := func(follow, format string, args ...any) {
		m.texts, m.follow = append(m.texts, fmt.Sprintf(format, args...)), append(m.follow, follow)
		c.say("%d, %s", len(m.texts), m.texts[len(m.texts)-1])
	}
	c.unread = nil
	c.lists = append(c.lists, &listing{args: []string{"overview"}, list: m, title: "Updates Overview"})
	defer func() { c.current().follow = m.follow }()
	c.say("Updates Overview.")
	if setup := snap.Setup(); !setup.Complete() {
		tasks := setup.Tasks()
		c.say("%s You must complete these %d tasks before you can manage updates:", model.SetupIncomplete, len(tasks))
		for _, t := range tasks {
			state := "open"
			if t.Done {
				state = "complete"
			}
			add("setup "+t.Short, "%s: %s. It is %s.", t.Wizard, t.Purpose, state)
		}
		c.say("A number opens a task.")
		return statusDone
	}
	notices := snap.Notices(now)
	switch len(notices) {
	case 0:
		c.say("Nothing wants attention.")
	default:
		c.say("%s:", counted(len(notices), "notice"))
	}
	for _, n := range notices {
		add(followed(n), "%s: %s", levels[n.Level], n.Text)
	}
	c.computers(snap)
	if status := c.views(ctx, snap, add); status != statusDone {
		return status
	}
	c.deployments(snap, add)
	c.synchronizations(snap, add)
	return statusDone
}

// followed is the line that leads where a notice leads.
func followed(n model.Notice) string {
	switch {
	case n.Kind == "proposals":
		return "pending"
	case n.Kind == "superseded":
		return "cleanup"
	case n.View == "updates", n.View == "computers":
		return strings.TrimSpace(n.View + " " + n.Filter)
	case n.View == "synchronization":
		return "sync history"
	case n.View == "products":
		return "products --new"
	case strings.HasPrefix(n.View, "setup-"):
		return "setup " + strings.TrimPrefix(n.View, "setup-")
	case findWord(n.View) != nil:
		return n.View
	}
	return strings.TrimPrefix(n.Remedy, "fettle ")
}

// computers says how computers stand, and of how many that is known.
func (c *Console) computers(snap *store.Snapshot) {
	members := int(snap.Members(model.GroupAll).GetCardinality())
	if members == 0 {
		c.say("Computers: none has reported yet.")
		return
	}
	words := func(split [4]int) string {
		var parts []string
		for _, s := range []struct {
			state model.ComputerState
			word  string
		}{{model.ComputerFailed, "failed"}, {model.ComputerNeeded, "needing updates"}, {model.ComputerNoStatus, "without status"}, {model.ComputerOK, "up to date"}} {
			if n := split[s.state]; n > 0 {
				parts = append(parts, fmt.Sprintf("%d %s", n, s.word))
			}
		}
		return strings.Join(parts, ", ")
	}
	split := snap.Split(model.GroupAll)
	c.say("Computers: the status of %d of %s is known. Of all updates: %s.", members-split[model.ComputerNoStatus], counted(members, "computer"), words(split))
	if approved, n := snap.SplitApproved(model.GroupAll); n > 0 {
		c.say("Of %s only: %s.", counted(n, "approved update"), words(approved))
	}
}

// views counts the updates of the views.
func (c *Console) views(ctx context.Context, snap *store.Snapshot, add func(string, string, ...any)) int {
	now := c.o.Now().In(c.o.Zone)
	for _, v := range c.o.Views {
		q, err := query.ParseUpdates(v.Filter)
		if err != nil {
			continue // a filter of the configuration; opening it says what is wrong
		}
		rows, err := q.Filter(ctx, snap, snap.Updates(), now)
		if err != nil {
			return c.complain(statusFailed, "Counting the updates of "+v.Title+": "+err.Error()+".")
		}
		all, needed, failed := 0, 0, 0
		for _, r := range rows {
			if r.Has(model.FlagDeclined) {
				continue
			}
			n := snap.Counts(r.Number, model.GroupAll)
			all++
			if n.Needed > 0 {
				needed++
			}
			if n.Failed > 0 {
				failed++
			}
		}
		switch {
		case all == 0:
			add(strings.TrimSpace("updates "+v.Filter), "%s: none.", v.Title)
		case failed > 0:
			add(strings.TrimSpace("updates "+v.Filter), "%s: %s, %d needed, %d failed.", v.Title, counted(all, "update"), needed, failed)
		default:
			add(strings.TrimSpace("updates "+v.Filter), "%s: %s, %d needed.", v.Title, counted(all, "update"), needed)
		}
	}
	return statusDone
}

// newest is how many deployments the Overview has.
const newest = 5

func (c *Console) deployments(snap *store.Snapshot, add func(string, string, ...any)) {
	told := 0
	for _, d := range snap.Deployments() {
		if d.Undone || told == newest {
			continue
		}
		told++
		p := snap.Progress(d.ID, c.o.Now())
		if p == nil {
			continue
		}
		text := fmt.Sprintf("%d of %d installed", p.Total.Installed, p.Total.Applicable)
		if p.Total.Failed > 0 {
			text += fmt.Sprintf(", %d failed", p.Total.Failed)
		}
		if p.Total.Unknown > 0 {
			text += fmt.Sprintf(", %d unknown", p.Total.Unknown)
		}
		add(fmt.Sprintf("deployment %d", d.ID), "Deployment %s: %s.", d.Name, text)
	}
	if told == 0 {
		c.say("Deployments: none yet.")
	}
}

func (c *Console) synchronizations(snap *store.Snapshot, add func(string, string, ...any)) {
	if c.o.Jobs != nil {
		for _, j := range c.o.Jobs() {
			if j.Ended.IsZero() {
				text := j.Name + " runs"
				if j.Progress.Phase != "" {
					text += ": " + j.Progress.Phase
				}
				if j.Progress.Total > 0 {
					text += fmt.Sprintf(", %d of %d", j.Progress.Done, j.Progress.Total)
				}
				c.say("%s.", text)
			}
		}
	}
	upstreams := slices.Clone(snap.Upstreams())
	for _, u := range upstreams {
		text := "never synchronized"
		if r := snap.LastRun(u.Name); r != nil && !r.Ended.IsZero() {
			text = fmt.Sprintf("last synchronized %s, %s", c.when(r.Ended), r.Result)
		}
		if c.o.Next != nil {
			if t := c.o.Next(u); !t.IsZero() {
				text += ", next " + c.when(t)
			}
		}
		add("sync history", "Upstream %s: %s.", u.Name, text)
	}
	if len(upstreams) == 0 {
		c.say("Synchronization: no upstream is configured.")
	}
}
