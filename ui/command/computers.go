package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

func (a *app) computersCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "computers [QUERY]",
		Short: "List managed computers",
		Long: `List the computers that match a query; without one, all.
A query that begins with "-" follows "--". The language: fettle help query`,
		Example: `  fettle computers 'status:failed or is:restart-pending'
  fettle computers 'needs:(class:security)' --json`,
		Args: cobra.ArbitraryArgs,
		RunE: a.held(gated, func(ctx context.Context, h *host, args []string) error {
			snap := h.store.Snapshot()
			text := strings.Join(args, " ")
			found, err := a.filterComputers(ctx, h, snap, text)
			if err != nil {
				return err
			}
			empty := "No computer matches."
			if text == "" {
				empty = "No computer has reported yet. Bring this one under management with: fettle setup computers --this-computer"
			}
			return a.writeList(list(a, found, a.computerColumns(h, snap)), empty)
		}),
	}
}

func (a *app) filterComputers(ctx context.Context, h *host, snap *store.Snapshot, text string) ([]*model.Computer, error) {
	q, err := query.ParseComputers(text)
	if err != nil {
		return nil, queryError(text, err)
	}
	found, err := q.Filter(ctx, snap, snap.Computers(), h.store.Now().In(a.zone))
	if err != nil {
		return nil, queryError(text, err)
	}
	return found, nil
}

// computerFlags are the words of is: that describe a computer.
func computerFlags(snap *store.Snapshot, c *model.Computer, now time.Time) []string {
	var words []string
	add := func(is bool, word string) {
		if is {
			words = append(words, word)
		}
	}
	policy, _ := snap.EffectivePolicy(c.Number)
	add(len(c.Pending) > 0, "restart-pending")
	add(snap.Unknown(c.Number, now) == model.UnknownStale, "stale")
	add(snap.Members(model.GroupUnassigned).Contains(c.Number), "unassigned")
	add(c.Admission == model.Rejected, "rejected")
	add(c.Admission == model.Waiting, "waiting")
	add(policy.Mode == model.ModeDisabled || c.Policy.Mode == model.ModeDisabled, "automatic-updates-disabled")
	add(len(c.Foreign) > 0, "changed-by-others")
	return words
}

// mode is the Automatic Updates mode that a computer obeys: what it said, else
// what its groups decide.
func mode(snap *store.Snapshot, c *model.Computer) model.Policy {
	if c.Policy.Mode != model.ModeUnset {
		return c.Policy
	}
	policy, _ := snap.EffectivePolicy(c.Number)
	return policy
}

func groupNames(snap *store.Snapshot, ids []model.GroupID) []string {
	var names []string
	for _, id := range ids {
		names = append(names, groupName(snap, id))
	}
	return names
}

func (a *app) computerColumns(h *host, snap *store.Snapshot) []column[*model.Computer] {
	type row = *model.Computer
	now := h.store.Now()
	number := func(key, title string, rank int, get func(model.UpdateTotals) int) column[row] {
		return column[row]{key: key, title: title, right: true, rank: rank, value: func(c row) any { return get(snap.Totals(c.Number)) }}
	}
	return []column[row]{
		{key: "name", title: "NAME", give: true, value: func(c row) any { return c.Name }},
		{key: "id", value: func(c row) any { return string(c.ID) }},
		{key: "status", title: "STATUS", value: func(c row) any { return snap.ComputerState(c.Number).String() }},
		{key: "why", value: func(c row) any { return snap.Unknown(c.Number, now).String() }},
		number("needed", "NEEDED", 0, func(t model.UpdateTotals) int { return t.Needed }),
		number("failed", "FAILED", 1, func(t model.UpdateTotals) int { return t.Failed }),
		number("installed", "", 0, func(t model.UpdateTotals) int { return t.Installed }),
		number("no_status", "", 0, func(t model.UpdateTotals) int { return t.Unknown }),
		number("pending_restart", "RESTART", 5, func(t model.UpdateTotals) int { return t.Pending }),
		{key: "contact", title: "CONTACT", rank: 2, value: func(c row) any { return c.Contacted }, text: func(c row) string { return age(now, c.Contacted) }},
		{key: "reported", title: "REPORTED", rank: 6, value: func(c row) any { return c.Reported }, text: func(c row) string { return age(now, c.Reported) }},
		{key: "os", title: "OPERATING SYSTEM", give: true, rank: 3, value: func(c row) any { return c.OS }},
		{key: "group", title: "GROUPS", give: true, rank: 4, value: func(c row) any { return groupNames(snap, snap.GroupsOf(c.Number)) },
			text: func(c row) string { return strings.Join(groupNames(snap, snap.OwnGroups(c.Number)), ", ") }},
		{key: "is", title: "IS", rank: 7, give: true, value: func(c row) any { return computerFlags(snap, c, now) }},
		{key: "mode", title: "MODE", rank: 8, value: func(c row) any { return mode(snap, c).Mode.String() }},
		{key: "address", value: func(c row) any { return c.Addresses }},
		{key: "platform", value: func(c row) any { return c.Platform.String() }},
		{key: "arch", value: func(c row) any { return c.Arch }},
		{key: "role", value: func(c row) any { return c.Role.String() }},
		{key: "version", value: func(c row) any { return c.Agent }},
	}
}

func (a *app) computerCommand() *cobra.Command {
	var history bool
	cmd := &cobra.Command{
		Use:   "computer NAME",
		Short: "Show everything about one computer; accept, reject or move computers",
		Long: `Show everything about one computer: what it needs package by package, what is
not offered to it and why, failures, groups and policy. Each package under
NEEDED is one that apt itself would upgrade there. With --history show what each
of its last reports changed. A computer whose name is also a word below follows
"--".`,
		Example: `  fettle computer web1 --history
  fettle computer accept web7 web8
  fettle computer move web1 web2 --from Pilot --to Servers --plan`,
		Args: between(1, 1, "the name of a computer"),
	}
	cmd.Flags().BoolVar(&history, "history", false, "what each of its last reports changed, the newest first")
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if history {
			return a.pastReports(h, args[0])
		}
		return a.computer(ctx, h, args)
	})
	cmd.AddCommand(a.acceptCommand(), a.rejectComputerCommand(), a.moveComputersCommand())
	return cmd
}

// findComputer gives the computer of a name, an identifier or an address.
func findComputer(snap *store.Snapshot, name string) (*model.Computer, error) {
	if c := snap.ComputerByName(name); c != nil {
		return c, nil
	}
	var names []string
	for _, c := range snap.Computers() {
		for _, address := range c.Addresses {
			if address == name {
				return c, nil
			}
		}
		names = append(names, model.Clean(c.Name))
	}
	if near := nearest(name, names); near != "" {
		return nil, fmt.Errorf("there is no computer %s; did you mean %s?", model.Clean(name), near)
	}
	return nil, fmt.Errorf("there is no computer %s; list them with: fettle computers", model.Clean(name))
}

// packageRows are packages of a computer's report for programs and people.
func packageRows(all []model.NeededPackage) []object {
	var rows []object
	for _, p := range all {
		rows = append(rows, object{{key: "update", value: string(p.Update)}, {key: "package", value: p.Package}, {key: "arch", value: p.Arch}, {key: "installed", value: p.Installed},
			{key: "candidate", value: p.Candidate}, {key: "state", value: p.State.String()}, {key: "reason", value: p.Reason}, {key: "security", value: p.Security}})
	}
	return rows
}

func policyText(p model.Policy) string {
	text := "Automatic Updates " + p.Mode.String()
	if p.Mode == model.ModeScheduled && p.Install != nil {
		text += " " + p.Install.String()
	}
	return text + "; restart " + restartWord(p)
}

// restartWord writes a restart rule as --restart takes it.
func restartWord(p model.Policy) string {
	switch p.Restart {
	case model.RestartIdle:
		return "idle"
	case model.RestartAt:
		if p.RestartAt != nil {
			return p.RestartAt.String()
		}
	case model.RestartNo:
		return "never"
	}
	return ""
}

func policyObject(p model.Policy) object {
	at := ""
	if p.Install != nil {
		at = p.Install.String()
	}
	return object{{key: "mode", value: p.Mode.String()}, {key: "at", value: at}, {key: "restart", value: restartWord(p)}}
}

func (a *app) computer(ctx context.Context, h *host, args []string) error {
	snap := h.store.Snapshot()
	c, err := findComputer(snap, args[0])
	if err != nil {
		return err
	}
	st, err := h.store.Status(c.Number)
	if errors.Is(err, store.ErrNotFound) {
		st, err = &model.Status{}, nil
	}
	if err != nil {
		return err
	}
	now := h.store.Now()
	totals := snap.Totals(c.Number)
	state := snap.ComputerState(c.Number).String()
	why := snap.Unknown(c.Number, now).String()
	if why != "" {
		state += " (" + why + ")"
	}
	scan := "never"
	if !c.Scan.Time.IsZero() {
		scan = a.plain(c.Scan.Time)
		if !c.Scan.ListAge.IsZero() {
			scan += ", package lists of " + a.plain(c.Scan.ListAge)
		}
		if c.Scan.Error != "" {
			scan += ", failed: " + c.Scan.Error
		}
		if c.Scan.Refresh != "" {
			scan += ", lists not refreshed: " + c.Scan.Refresh
		}
	}
	computed := ""
	if at := snap.Computed(c.Number); !at.IsZero() {
		computed = "computed from the inventory of " + a.plain(st.Reported)
	}
	var failures []object
	for _, f := range st.Failures {
		failures = append(failures, failureObject(f))
	}
	policy := mode(snap, c)
	approved, base := approvedTotals(snap, c.Number)
	o := object{
		{key: "name", title: "Name", value: c.Name}, {key: "id", title: "Identifier", value: string(c.ID)},
		{key: "address", title: "Addresses", value: c.Addresses}, {key: "os", title: "Operating system", value: c.OS},
		{key: "platform", value: c.Platform.String()}, {key: "arch", title: "Architecture", value: c.Arch}, {key: "role", title: "Role", value: c.Role.String()},
		{key: "kernel", title: "Kernel", value: c.Kernel}, {key: "zone", title: "Time zone", value: c.Zone}, {key: "version", title: "Agent", value: c.Agent},
		{key: "status", title: "Status", value: snap.ComputerState(c.Number).String(), text: state}, {key: "why", value: why},
		{key: "updates", title: "All updates", value: totalsObject(totals), text: totalsText(totals)},
		{key: "updates_approved", title: "Approved only", value: append(object{{key: "total", value: base}}, totalsObject(approved)...), text: fmt.Sprintf("%d: %s", base, totalsText(approved))},
		{key: "contact", title: "Last contact", value: c.Contacted}, {key: "reported", title: "Last report", value: c.Reported},
		{key: "computed", title: "Status", value: snap.Computed(c.Number), text: computed},
		{key: "next_check_in", title: "Next check-in", value: c.NextCheck},
		{key: "scan", title: "Last detection", value: object{{key: "time", value: c.Scan.Time}, {key: "error", value: c.Scan.Error}, {key: "lists", value: c.Scan.ListAge}, {key: "refresh", value: c.Scan.Refresh}}, text: scan},
		{key: "group", title: "Groups", value: groupNames(snap, snap.GroupsOf(c.Number))},
		{key: "policy", title: "Policy", value: policyObject(policy), text: policyText(policy)}, {key: "mode", value: policy.Mode.String()},
		{key: "is", title: "Is", value: computerFlags(snap, c, now)},
		{key: "restart_pending", title: "Restart pending", value: c.Pending}, {key: "changed_by_others", title: "Changed by others", value: c.Foreign},
		{key: "needed", value: packageRows(st.Packages)}, {key: "not_offered", value: packageRows(st.Others)}, {key: "failures", value: failures},
	}
	if computed == "" {
		for i := range o {
			if o[i].key == "computed" {
				o[i].title = ""
			}
		}
	}
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	for _, part := range []struct {
		title string
		rows  []object
	}{{"Needed:", packageRows(st.Packages)}, {"Newer, but not offered:", packageRows(st.Others)}} {
		if len(part.rows) == 0 {
			continue
		}
		a.heading("%s", part.title)
		if err := a.writeList(a.tableOf(part.rows, "update"), ""); err != nil {
			return err
		}
	}
	if len(failures) > 0 {
		a.heading("Failures:")
		return a.writeFailures(failures, "update")
	}
	return nil
}
