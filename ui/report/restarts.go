package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"fettle/model"
)

// restartLine is one computer that waits for a restart.
type restartLine struct {
	*model.Computer
	updates []string
	policy  model.Policy
	at      time.Time
	when    string
}

// restartsPending builds restarts-pending (users.md, rank 8: which computers
// wait for a restart now, and when will they restart).
func (b *builder) restartsPending() error {
	var lines []restartLine
	for i, c := range b.computers {
		if i%64 == 0 && b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		l := restartLine{Computer: c}
		for _, u := range b.snap.NeededBy(c.Number) {
			if b.snap.State(c.Number, u) == model.StateInstalledPendingReboot {
				l.updates = append(l.updates, b.snap.Row(u).Title)
			}
		}
		if len(l.updates) == 0 && len(c.Pending) == 0 {
			continue
		}
		l.policy = b.policy(c)
		l.at, l.when = b.restartTime(c, l.policy)
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(x, y restartLine) int {
		if x.at.IsZero() != y.at.IsZero() {
			return -cmp.Compare(boolean(x.at.IsZero()), boolean(y.at.IsZero())) // those that wait for somebody first
		}
		return cmp.Or(x.at.Compare(y.at), cmp.Compare(strings.ToLower(x.Name), strings.ToLower(y.Name)), cmp.Compare(x.Number, y.Number))
	})
	s := section("computers", "Computers that wait for a restart", "No computer in scope waits for a restart.", lines, []field[restartLine]{
		ask("name", "Computer", KindText, 0, func(r restartLine) Cell { return r.Name }),
		ask("pending_restart", "Updates", KindCount, 0, func(r restartLine) Cell { return len(r.updates) }),
		ask("updates", "Waiting updates", KindList, 4, func(r restartLine) Cell { return r.updates }),
		field[restartLine]{Column{Key: "restart_reasons", Title: "Because of", Kind: KindList, Rank: 1, Wrap: true}, func(r restartLine) Cell { return r.Pending }},
		ask("restart", "Rule", KindIdentifier, 5, func(r restartLine) Cell { return restartWord(r.policy) }),
		ask("restarts_at", "Restarts at", KindTime, 0, func(r restartLine) Cell { return b.at(r.at) }),
		ask("when", "When", KindText, 0, func(r restartLine) Cell { return r.when }),
		ask("kernel", "Kernel", KindIdentifier, 6, func(r restartLine) Cell { return r.Kernel }),
		ask("reported", "Reported", KindTime, 3, func(r restartLine) Cell { return b.at(r.Reported) }),
	})
	s.note("As of each computer's last report. A restart at a time is computed from the policy that the computer obeys, in its own time zone.")
	b.report.Sections = append(b.report.Sections, figures([]figure{
		{key: "restarts_pending", title: "Computers that wait for a restart", n: len(lines), of: len(b.computers), silent: b.neverReported(), share: true},
	}), s)
	return nil
}

// neverReported counts the computers of which nothing is known.
func (b *builder) neverReported() int {
	n := 0
	for _, r := range b.fleet.reported {
		n += boolean(!r)
	}
	return n
}

// restartTime says when a computer will restart; zero when that is not a
// matter of time. Who is logged in is known only there.
func (b *builder) restartTime(c *model.Computer, p model.Policy) (time.Time, string) {
	switch p.Restart {
	case model.RestartIdle:
		return time.Time{}, "when nobody is logged in"
	case model.RestartAt:
		if p.RestartAt != nil {
			zone := b.p.Zone
			if c.Zone != "" {
				if z, err := time.LoadLocation(c.Zone); err == nil {
					zone = z
				}
			}
			return p.RestartAt.Next(b.p.Now.In(zone)), "at its restart time"
		}
	}
	return time.Time{}, "waits for a person"
}
