package plain

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"fettle/model"
	"fettle/store"
	"fettle/sync/engine"
)

// eventGap is how much time lies between two tellings at least, so that a busy
// fleet does not talk between all commands.
const eventGap = 5 * time.Second

// news is what was known when events were told last.
type news struct {
	at       time.Time
	failed   map[uint32]int // by computer: updates that failed
	jobs     uint64         // the newest that ended
	running  []uint64       // that had not
	proposed uint64         // the newest change that waits for consent
	commit   *store.Snapshot
}

// look takes note of what is so now.
func (n *news) look(c *Console, snap *store.Snapshot) {
	n.at, n.commit = c.o.Now(), snap
	n.failed = failures(snap)
	n.running = nil
	for _, j := range c.jobs() {
		if j.Ended.IsZero() {
			n.running = append(n.running, j.ID)
		} else {
			n.jobs = max(n.jobs, j.ID)
		}
	}
	for _, p := range snap.Proposals() {
		n.proposed = max(n.proposed, p.ID)
	}
}

func (c *Console) jobs() []engine.JobState {
	if c.o.Jobs == nil {
		return nil
	}
	return c.o.Jobs()
}

// failures counts by computer the updates that failed.
func failures(snap *store.Snapshot) map[uint32]int {
	failed := map[uint32]int{}
	for it := snap.Members(model.GroupAll).Iterator(); it.HasNext(); {
		n := it.Next()
		if snap.ComputerState(n) == model.ComputerFailed {
			failed[n] = snap.Totals(n).Failed
		}
	}
	return failed
}

// tell says what happened since it was told last; asked means that somebody
// pressed Enter and wants an answer.
func (c *Console) tell(asked bool) {
	if !c.live && !asked {
		return
	}
	if !asked && c.o.Now().Sub(c.news.at) < eventGap {
		return
	}
	snap := c.o.Store.Snapshot()
	before := c.news
	c.news.look(c, snap)
	if !snap.Loaded() {
		return
	}
	lines := c.events(before, snap)
	for _, l := range lines {
		c.say("%s", l)
	}
	if asked && len(lines) == 0 {
		c.say("Nothing new since %s.", before.at.In(c.o.Zone).Format("15:04:05"))
	}
}

// mostEvents is how many lines are told at once; what else there is, is counted.
const mostEvents = 6

// events are the sentences on what happened since before.
func (c *Console) events(before news, snap *store.Snapshot) []string {
	var lines []string
	for _, j := range c.jobs() {
		was := slices.Contains(before.running, j.ID)
		if j.Ended.IsZero() || j.ID <= before.jobs && !was {
			continue
		}
		switch {
		case j.Canceled:
			lines = append(lines, fmt.Sprintf("%s was cancelled.", j.Name))
		case j.Err != "":
			lines = append(lines, fmt.Sprintf("%s failed: %s", j.Name, stopped(j.Err)))
		case j.Result != "":
			lines = append(lines, fmt.Sprintf("%s ended: %s", j.Name, stopped(j.Result)))
		default:
			lines = append(lines, j.Name+" ended.")
		}
	}
	if snap != before.commit {
		lines = append(lines, failedSince(before, snap)...)
		for _, p := range snap.Proposals() {
			if p.ID > before.proposed {
				lines = append(lines, fmt.Sprintf("A change of %s waits for consent: %s pending lists it.", p.Actor.Who, stopped(p.Summary)))
			}
		}
	}
	now := c.o.Now()
	for _, d := range snap.Deployments() {
		due, passed := time.Time{}, false
		for _, g := range d.Groups {
			// What was due at once when it was approved is not news.
			if g.Deadline.After(before.at) && !g.Deadline.After(now) && g.Deadline.After(d.Time) {
				due, passed = g.Deadline, true
			}
		}
		if !passed || d.Undone {
			continue
		}
		line := fmt.Sprintf("A deadline of deployment %d, %s, passed at %s", d.ID, d.Name, due.In(c.o.Zone).Format("15:04"))
		if p := snap.Progress(d.ID, now); p != nil {
			line += fmt.Sprintf("; %d of %d installed", p.Total.Installed, p.Total.Applicable)
		}
		lines = append(lines, line+".")
	}
	if n := len(lines); n > mostEvents {
		lines = append(lines[:mostEvents-1:mostEvents-1], fmt.Sprintf("And %d more; overview has how it stands.", n-mostEvents+1))
	}
	return lines
}

// failedSince says on which computers updates failed anew.
func failedSince(before news, snap *store.Snapshot) []string {
	var names []string
	for n, count := range failures(snap) {
		if count > before.failed[n] {
			if comp := snap.Computer(n); comp != nil {
				names = append(names, comp.Name)
			}
		}
	}
	slices.Sort(names)
	switch len(names) {
	case 0:
		return nil
	case 1, 2, 3:
		return []string{fmt.Sprintf("An update failed on %s. updates failed:>0 lists what failed.", strings.Join(names, ", "))}
	}
	return []string{fmt.Sprintf("Updates failed on %d computers, among them %s. updates failed:>0 lists them.", len(names), strings.Join(names[:3], ", "))}
}

// stopped ends a clause with a full stop.
func stopped(text string) string { return strings.TrimRight(model.Clean(text), ". ") + "." }

// when writes a time for ears: today's without the date.
func (c *Console) when(t time.Time) string {
	t = t.In(c.o.Zone)
	now := c.o.Now().In(c.o.Zone)
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return "today at " + t.Format("15:04")
	}
	return t.Format("2006-01-02") + " at " + t.Format("15:04")
}
