package command

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
)

// admissionCommand makes the command that answers computers that asked to be
// managed.
func (a *app) admissionCommand(use, short, long string, kind model.ChangeKind) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Long: long, Args: between(1, -1, "the names of computers")}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		numbers, err := namedComputers(h.store.Snapshot(), args)
		if err != nil {
			return err
		}
		return a.decide(ctx, h, model.Change{Kind: kind, Computers: numbers, Remark: *remark}, nil)
	})
	return cmd
}

func (a *app) acceptCommand() *cobra.Command {
	return a.admissionCommand("accept NAME...", "Accept computers that asked to be managed", `Accept computers that asked to be managed, or that were rejected before. List
them with: fettle computers 'is:waiting or is:rejected'`, model.ChangeAdmit)
}

func (a *app) rejectComputerCommand() *cobra.Command {
	return a.admissionCommand("reject NAME...", "Reject computers: their reports are refused", `Reject computers that asked to be managed, or that are: their reports are
refused and nothing is installed on them from here. Accepting them later is
possible.`, model.ChangeTurnAway)
}

// moveComputersCommand takes computers out of one group and puts them into
// another, in one change.
func (a *app) moveComputersCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{Use: "move NAME... --from GROUP --to GROUP", Short: "Move computers from one group to another", Args: between(1, -1, "the names of computers"),
		Long: `Take computers out of one group and put them into another, in one change that is
planned and taken back as one.`}
	cmd.Flags().StringVar(&from, "from", "", "`GROUP` that they leave")
	cmd.Flags().StringVar(&to, "to", "", "`GROUP` that they join")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if from == "" || to == "" {
			return misuse("say both groups: fettle computer move NAME... --from GROUP --to GROUP")
		}
		snap := h.store.Snapshot()
		numbers, err := namedComputers(snap, args)
		if err != nil {
			return err
		}
		leave, err := findGroup(snap, from)
		if err != nil {
			return err
		}
		join, err := findGroup(snap, to)
		if err != nil {
			return err
		}
		return a.decide(ctx, h, model.MoveComputers(leave.ID, join.ID, numbers, *remark), nil)
	})
	return cmd
}

// namedComputers gives the numbers of computers, sorted, each once.
func namedComputers(snap *store.Snapshot, names []string) ([]uint32, error) {
	var numbers []uint32
	for _, name := range names {
		c, err := findComputer(snap, name)
		if err != nil {
			return nil, err
		}
		numbers = append(numbers, c.Number)
	}
	slices.Sort(numbers)
	return slices.Compact(numbers), nil
}

// changeKeys are the names of a past report's differences in JSON and CSV.
var changeKeys = map[model.InstallationState]string{
	model.StateFailed: "became_failed", model.StateNotInstalled: "became_needed", model.StateInstalledPendingReboot: "became_pending_restart",
	model.StateInstalled: "became_installed", model.StateNotApplicable: "needed_no_longer",
}

// pastReports answers with the history of a computer's reports.
func (a *app) pastReports(h *host, name string) error {
	snap := h.store.Snapshot()
	c, err := findComputer(snap, name)
	if err != nil {
		return err
	}
	all, err := h.store.PastReports(c.Number)
	if err != nil {
		return err
	}
	type row = *model.PastReport
	rows := make([]row, len(all))
	for i := range all {
		rows[i] = &all[i]
	}
	number := func(key, title string, rank int, get func(row) int) column[row] {
		return column[row]{key: key, title: title, right: true, rank: rank, value: func(p row) any { return get(p) }}
	}
	columns := []column[row]{
		{key: "time", title: "TIME", value: func(p row) any { return p.Time }, text: func(p row) string { return p.Time.In(a.zone).Format("2006-01-02 15:04") }},
		{key: "computed", value: func(p row) any { return p.Computed }},
		{key: "first", value: func(p row) any { return p.First }},
		number("needed", "NEEDED", 0, func(p row) int { return p.Needed }),
		number("failed", "FAILED", 0, func(p row) int { return p.Failed }),
		number("pending_restart", "RESTART", 1, func(p row) int { return p.Pending }),
		number("installed", "INSTALLED", 2, func(p row) int { return p.Installed }),
		{key: "restart", value: func(p row) any { return p.Restart }},
	}
	for _, state := range model.PastStates() {
		columns = append(columns, column[row]{key: changeKeys[state], value: func(p row) any { return changedUpdates(snap, p, state) }})
	}
	columns = append(columns, column[row]{key: "changed_by_others", value: func(p row) any { return p.Foreign }}, column[row]{key: "error", value: func(p row) any { return p.Error }},
		column[row]{key: "changed", title: "WHAT CHANGED", give: true, value: func(p row) any { return p.Text() }})
	if err := a.writeList(list(a, rows, columns), model.Clean(c.Name)+" has not reported yet."); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	for _, p := range rows {
		for i, state := range model.PastStates() {
			updates := changedUpdates(snap, p, state)
			if len(updates) == 0 {
				continue
			}
			if i == 0 || !slices.ContainsFunc(model.PastStates()[:i], func(o model.InstallationState) bool { return p.Became(o) > 0 }) {
				a.heading("%s:", p.Time.In(a.zone).Format(time.DateOnly+" 15:04"))
			}
			more := ""
			if n := p.Became(state) - len(updates); n > 0 {
				more = fmt.Sprintf(" and %d more", n)
			}
			fmt.Fprintf(a.s.Out, "  %s: %s%s\n", model.PastStateWord(state), model.Clean(strings.Join(updates, ", ")), more)
		}
	}
	return nil
}

// changedUpdates gives the identifiers of the updates that came into a state.
func changedUpdates(snap *store.Snapshot, p *model.PastReport, state model.InstallationState) []string {
	var out []string
	for _, c := range p.Changes {
		if c.To != state {
			continue
		}
		for _, n := range c.Updates {
			if r := snap.Row(n); r != nil {
				out = append(out, string(r.ID))
			}
		}
	}
	return out
}
