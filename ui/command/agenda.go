package command

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

func (a *app) agendaCommand() *cobra.Command {
	var days int
	var group string
	cmd := &cobra.Command{
		Use:   "agenda",
		Short: "Say what will be installed and who will restart in the next days, per group",
		Long: `Say what will happen by itself in the next days: deadlines that pass, expected
installations and restarts, per group; and what will not happen by itself, and
why. It is computed by the same function by which computers decide. All computers
are taken to be running when their time comes; Windows computers decide for
themselves, so that theirs is an estimate.`,
		Example: `  fettle agenda --days 3
  fettle agenda --group Servers --json`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().IntVar(&days, "days", 14, "how many `DAYS` from now")
	cmd.Flags().StringVar(&group, "group", "", "only what concerns computers of this `GROUP`")
	cmd.RunE = a.held(gated, func(_ context.Context, h *host, _ []string) error {
		if days < 1 || days > 366 {
			return misuse("--days is 1 to 366")
		}
		snap := h.store.Snapshot()
		from := serverNow(h)
		g := snap.Agenda(from, from.AddDate(0, 0, days))
		if group != "" {
			only, err := findGroup(snap, group)
			if err != nil {
				return err
			}
			narrowAgenda(snap, &g, only.ID)
		}
		return a.writeAgenda(snap, g, days)
	})
	return cmd
}

// narrowAgenda leaves what concerns a group's computers. The number of
// installations of an entry is of all its computers; it cannot be divided, so
// an entry that loses computers loses the number.
func narrowAgenda(snap *store.Snapshot, g *model.Agenda, group model.GroupID) {
	members := snap.Members(group)
	narrow := func(computers []uint32) []uint32 {
		return slices.DeleteFunc(slices.Clone(computers), func(n uint32) bool { return !members.Contains(n) })
	}
	entries := func(list []model.AgendaEntry) []model.AgendaEntry {
		var out []model.AgendaEntry
		for _, e := range list {
			left := narrow(e.Computers)
			if len(left) == 0 {
				continue
			}
			if len(left) < len(e.Computers) {
				e.Computers, e.Installations = left, 0
				e.Updates = neededAmong(snap, left, e.Updates)
			}
			out = append(out, e)
		}
		return out
	}
	g.Entries, g.Overdue = entries(g.Entries), entries(g.Overdue)
	var waiting []model.AgendaWaiting
	for _, w := range g.Waiting {
		left := narrow(w.Computers)
		if len(left) == 0 {
			continue
		}
		if len(left) < len(w.Computers) {
			w.Computers, w.Installations = left, 0
			w.Updates = neededAmong(snap, left, w.Updates)
		}
		waiting = append(waiting, w)
	}
	g.Waiting = waiting
}

// neededAmong gives those updates that one of the computers needs.
func neededAmong(snap *store.Snapshot, computers, updates []uint32) []uint32 {
	needed := map[uint32]bool{}
	for _, c := range computers {
		for _, u := range snap.NeededBy(c) {
			needed[u] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(updates), func(u uint32) bool { return !needed[u] })
}

func computerNamesOf(snap *store.Snapshot, numbers []uint32) []string {
	var names []string
	for _, n := range numbers {
		if c := snap.Computer(n); c != nil {
			names = append(names, c.Name)
		}
	}
	return names
}

func agendaEntryObject(snap *store.Snapshot, e model.AgendaEntry) object {
	return object{
		{key: "time", value: e.Time}, {key: "kind", value: e.Kind.String()}, {key: "group", value: groupName(snap, e.Group)}, {key: "text", value: e.Text()},
		{key: "updates", value: idsOf(snap, e.Updates)}, {key: "computers", value: computerNamesOf(snap, e.Computers)}, {key: "installations", value: installations(e.Installations, e.Kind == model.AgendaRestart)},
		{key: "forced", value: e.Forced}, {key: "after_installing", value: e.After}, {key: "when_idle", value: e.Idle}, {key: "blocked", value: e.Blocked}, {key: "estimate", value: e.Estimate},
	}
}

// installations is nil where the number is not known: see narrowAgenda.
func installations(n int, none bool) any {
	if n == 0 && !none {
		return nil
	}
	return n
}

// fewNames is how many computers an agenda names on a line.
const fewNames = 4

// names lists the first few of several.
func names(all []string) string {
	text := ""
	for i, n := range all {
		if i == fewNames {
			return text + fmt.Sprintf(" and %d more", len(all)-i)
		}
		if i > 0 {
			text += ", "
		}
		text += n
	}
	return text
}

func (a *app) writeAgenda(snap *store.Snapshot, g model.Agenda, days int) error {
	if a.flags.json || a.flags.csv {
		rows := func(list []model.AgendaEntry) (out []object) {
			for _, e := range list {
				out = append(out, agendaEntryObject(snap, e))
			}
			return out
		}
		if a.flags.csv {
			all := rows(g.Entries)
			if len(all) == 0 {
				all = []object{}
			}
			return a.writeList(a.tableOf(all), "")
		}
		var waiting []object
		for _, w := range g.Waiting {
			waiting = append(waiting, object{{key: "reason", value: string(w.Reason)}, {key: "group", value: groupName(snap, w.Group)}, {key: "text", value: w.Text()},
				{key: "updates", value: idsOf(snap, w.Updates)}, {key: "computers", value: computerNamesOf(snap, w.Computers)}, {key: "installations", value: installations(w.Installations, w.Reason == model.AgendaPerson)}})
		}
		return a.writeObject(object{{key: "from", value: g.From}, {key: "to", value: g.To}, {key: "entries", value: rows(g.Entries)}, {key: "overdue", value: rows(g.Overdue)}, {key: "waiting", value: waiting}})
	}
	out := a.s.Out
	line := func(e model.AgendaEntry, form string) error {
		return a.paragraph(out, "  ", fmt.Sprintf("%s  %s: %s (%s)", e.Time.In(a.zone).Format(form), groupName(snap, e.Group), e.Text(), names(computerNamesOf(snap, e.Computers))))
	}
	if len(g.Overdue) > 0 {
		fmt.Fprintln(out, "Overdue:")
		for _, e := range g.Overdue {
			text := e
			if err := line(text, "2006-01-02 15:04"); err != nil {
				return err
			}
		}
	}
	if len(g.Entries) == 0 {
		if len(g.Overdue) > 0 {
			fmt.Fprintln(out)
		}
		if err := a.paragraph(out, "", fmt.Sprintf("Until %s nothing is installed and nobody restarts by itself.", g.To.In(a.zone).Format("2006-01-02 15:04"))); err != nil {
			return err
		}
	}
	var last time.Time
	for i, e := range g.Entries {
		at := e.Time.In(a.zone)
		if at.YearDay() != last.YearDay() || at.Year() != last.Year() {
			if i > 0 || len(g.Overdue) > 0 {
				fmt.Fprintln(out)
			}
			fmt.Fprintf(out, "%s:\n", at.Format("Monday, 2006-01-02"))
			last = at
		}
		if err := line(e, "15:04"); err != nil {
			return err
		}
	}
	if len(g.Waiting) > 0 {
		fmt.Fprintln(out, "\nWaits for somebody:")
		for _, w := range g.Waiting {
			if err := a.paragraph(out, "  ", fmt.Sprintf("%s: %s (%s)", groupName(snap, w.Group), w.Text(), names(computerNamesOf(snap, w.Computers)))); err != nil {
				return err
			}
		}
	}
	return nil
}
