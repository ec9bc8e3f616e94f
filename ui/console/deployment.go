package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/RoaringBitmap/roaring/v2"
	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
)

// newDeployment shows one deployment: by group, by update and by computer, and
// every failure with what it means.
func newDeployment(c *Console, id uint64) pane {
	p := newTextPane(c, fmt.Sprintf("Deployment %d", id))
	p.scope = keys.Deployment
	p.pages = func(ctx context.Context, s scribe, _ int) (*page, error) {
		return s.deployment(ctx, s.store.Snapshot(), id)
	}
	p.acts = func(a keys.Action) tea.Cmd {
		if d := c.snap.Deployment(id); a == keys.RetractIt && d != nil {
			return c.retract(d)
		}
		return nil
	}
	return p
}

// shownComputers is how many computers a deployment lists, the worst first.
const shownComputers = 100

func (s scribe) deployment(ctx context.Context, snap *store.Snapshot, id uint64) (*page, error) {
	pr := snap.Progress(id, s.now)
	if pr == nil {
		return nil, errors.New("there is no such deployment")
	}
	d := pr.Deployment
	p := &page{lines: []string{d.Name, ""}}
	p.fact("Made", d.Time.In(s.zone).Format("2006-01-02 15:04")+" by "+d.Author)
	if d.Rule != "" {
		p.fact("Rule", d.Rule)
	}
	p.fact("Remark", d.Remark)
	p.fact("Updates", count(len(d.Updates)))
	if d.Undone {
		p.fact("State", "taken back: its approvals do not count (d lets them count again)")
	}
	if open, first := overdue(pr, s.now); open > 0 && !d.Undone {
		p.fact("Overdue", fmt.Sprintf("%s open although the deadline passed at %s; w shows what keeps them", counted(open, "installation is", "installations are"), first.In(s.zone).Format("2006-01-02 15:04")))
	}
	p.head("PROGRESS")
	p.add("%s  %s", s.pairsBar(pr.Total, 20), s.pairs(pr.Total))
	p.add("Counted are updates times computers; installed is a share of those that want the update. What has no status, or follows other approvals, is not part of it.")
	p.head("GROUPS")
	for _, g := range pr.Groups {
		due := ""
		if !g.Group.Deadline.IsZero() {
			due = ", deadline " + s.deadline(g.Group.Deadline)
		}
		p.add("%s: %s%s", g.Name, g.Group.Action.Title(), due)
		if g.Group.Action == model.ActionInstall {
			p.add("  %s  %s", s.pairsBar(g.Pairs, 10), s.pairs(g.Pairs))
		}
	}
	p.head("UPDATES")
	shown, idle := 0, 0
	for _, u := range pr.Updates {
		r := snap.Row(u.Update)
		switch {
		case r == nil:
		case u.Applicable+u.Overridden == 0:
			idle++
		default:
			if shown++; shown <= shownChanges {
				p.link(s, target{update: u.Update}, "%s", strings.TrimSpace(model.Clean(r.Title)))
				p.add("  %s  %s", s.pairsBar(u.Pairs, 10), s.pairs(u.Pairs))
			}
		}
	}
	if shown > shownChanges {
		p.add("and %s more", count(shown-shownChanges))
	}
	switch {
	case len(pr.Updates) == 0:
		p.add("none of them concerns a computer of these groups")
	case idle > 0:
		p.add("%s: wanted by no computer of which the status is known", counted(idle, "update", "updates"))
	}
	return p, s.deploymentComputers(ctx, p, snap, pr)
}

// pairsBar draws how much of what is due is installed (=), pending a restart
// (r), failed (F) and waiting (.); it can be read without colour.
func (s scribe) pairsBar(t store.Pairs, w int) string {
	if t.Applicable == 0 {
		return "[" + layout.Blanks(w) + "]"
	}
	parts := []struct {
		n    int
		mark string
	}{{t.Installed, "="}, {t.Pending, "r"}, {t.Failed, "F"}, {t.Waiting, "."}}
	// What is there at all has a mark, however little it is; the rest of the bar is
	// shared out.
	rest := w
	for _, x := range parts {
		if x.n > 0 {
			rest--
		}
	}
	var b strings.Builder
	used, sum := 0, 0
	for _, x := range parts {
		if x.n == 0 {
			continue
		}
		sum += x.n
		n := sum*max(0, rest)/t.Applicable - used
		used += n
		b.WriteString(strings.Repeat(x.mark, n+1))
	}
	return "[" + layout.Fit(b.String(), w, "") + "]"
}

// pairs writes how far something is, with the base of the percentage and with
// what is not known.
func (s scribe) pairs(t store.Pairs) string {
	out := "nothing due"
	if p, ok := t.Percent(); ok {
		out = fmt.Sprintf("%s installed (%s of %s)", percent(p), count(t.Installed), count(t.Applicable))
	}
	for _, x := range []struct {
		n    int
		word string
	}{{t.Failed, "failed"}, {t.Pending, "pending restart"}, {t.Waiting, "waiting"}, {t.Unknown, "no status"}, {t.Overridden, "under other approvals"}} {
		if x.n > 0 {
			out += fmt.Sprintf(", %s %s", x.word, count(x.n))
		}
	}
	return out
}

// doing is how far a deployment is on one computer.
type doing struct {
	number                            uint32
	failed, waiting, pending, unknown int
	updates                           []uint32 // that failed
}

// deploymentComputers lists the computers where something of a deployment is
// not done, the worst first, with what failed there and what that means.
func (s scribe) deploymentComputers(ctx context.Context, p *page, snap *store.Snapshot, pr *store.Deploying) error {
	on := map[uint32]*doing{}
	at := func(n uint32) *doing {
		if on[n] == nil {
			on[n] = &doing{number: n}
		}
		return on[n]
	}
	scope := roaring.New()
	for _, g := range pr.Groups {
		if g.Group.Action == model.ActionInstall {
			scope.Or(snap.Members(g.Group.Group))
		}
	}
	for i, u := range pr.Updates {
		if i%64 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		for _, n := range u.Failed {
			x := at(n)
			x.failed++
			x.updates = append(x.updates, u.Update)
		}
		if u.Waiting+u.Pending == 0 {
			continue
		}
		for _, o := range snap.Outcomes(u.Update, scope) {
			if o.Deployment != pr.Deployment.ID || o.Action != model.ActionInstall {
				continue
			}
			for _, n := range snap.ComputersWith(u.Update, model.GroupAll, model.StateNotInstalled, model.StateDownloaded, model.StateInstalledPendingReboot) {
				switch {
				case !o.Computers.Contains(n):
				case snap.State(n, u.Update) == model.StateInstalledPendingReboot:
					at(n).pending++
				default:
					at(n).waiting++
				}
			}
		}
	}
	for it := scope.Iterator(); it.HasNext(); {
		n := it.Next()
		if snap.Unknown(n, s.now) != model.UnknownNot {
			at(n).unknown = 1
		}
	}
	list := make([]*doing, 0, len(on))
	for _, x := range on {
		list = append(list, x)
	}
	name := func(n uint32) string {
		if comp := snap.Computer(n); comp != nil {
			return comp.Name
		}
		return "computer " + strconv.Itoa(int(n))
	}
	slices.SortFunc(list, func(a, b *doing) int {
		return cmp.Or(b.failed-a.failed, b.waiting-a.waiting, b.pending-a.pending, strings.Compare(name(a.number), name(b.number)))
	})
	p.head("COMPUTERS")
	if len(list) == 0 {
		p.add("nothing is open on any computer")
	}
	for _, x := range list[:min(len(list), shownComputers)] {
		var words []string
		for _, y := range []struct {
			n    int
			word string
		}{{x.failed, "failed"}, {x.waiting, "waiting"}, {x.pending, "pending restart"}} {
			if y.n > 0 {
				words = append(words, y.word+" "+count(y.n))
			}
		}
		if x.unknown > 0 {
			words = append(words, "no status ("+unknownTexts[snap.Unknown(x.number, s.now)]+")")
		}
		p.link(s, target{computer: x.number}, "%s: %s", model.Clean(name(x.number)), strings.Join(words, ", "))
		for _, l := range s.failures(snap, x.number, x.updates) {
			p.add("  %s", l)
		}
	}
	if more := len(list) - shownComputers; more > 0 {
		p.add("and %s more", count(more))
	}
	return nil
}

// failures says what failed on a computer, what that means and what helps.
func (s scribe) failures(snap *store.Snapshot, computer uint32, updates []uint32) []string {
	if len(updates) == 0 {
		return nil
	}
	st, err := s.store.Status(computer)
	if err != nil {
		return []string{"what it reported could not be read: " + err.Error()}
	}
	var out []string
	for _, n := range updates[:min(len(updates), 5)] {
		r := snap.Row(n)
		if r == nil {
			continue
		}
		title := strings.TrimSpace(model.Clean(r.Title))
		at := slices.IndexFunc(st.Failures, func(f model.Failure) bool { return f.Update == r.ID })
		if at < 0 {
			out = append(out, title+": failed; why was not reported")
			continue
		}
		f := st.Failures[at]
		out = append(out, fmt.Sprintf("%s, %s: %s (%s)", title, s.when(f.Time), f.Text, f.Code))
		if meaning, remedy := model.FailureMeaning(f.Code); meaning != "" {
			out = append(out, "  it means: "+meaning)
			if remedy != "" {
				out = append(out, "  what helps: "+remedy)
			}
		}
	}
	if more := len(updates) - 5; more > 0 {
		out = append(out, "and "+count(more)+" more failed")
	}
	return out
}
