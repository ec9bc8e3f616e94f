package command

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

func (a *app) groupsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "groups",
		Short: "List computer groups with their members and compliance",
		Long: `List computer groups with their members by the four-way split: failed before needed
before no status before up to date; the four add up to the members. Percentages
are of all members, those without status included.`,
		Args: between(0, 0, ""),
		RunE: a.held(gated, func(_ context.Context, h *host, _ []string) error {
			snap := h.store.Snapshot()
			tree := snap.Groups()
			var groups []*model.Group
			for _, id := range tree.Order() {
				groups = append(groups, tree.Group(id))
			}
			return a.writeList(list(a, groups, a.groupColumns(h, snap)), "")
		}),
	}
}

func (a *app) groupColumns(h *host, snap *store.Snapshot) []column[*model.Group] {
	type row = *model.Group
	tree := snap.Groups()
	now := h.store.Now()
	splits := map[model.GroupID][4]int{}
	split := func(g row, s model.ComputerState) int {
		all, ok := splits[g.ID]
		if !ok {
			all = snap.Split(g.ID)
			splits[g.ID] = all
		}
		return all[s]
	}
	size := func(g row) int { return int(snap.Members(g.ID).GetCardinality()) }
	parent := func(g row) string {
		if p := tree.Group(g.Parent); p != nil {
			return p.Name
		}
		return ""
	}
	return []column[row]{
		{key: "name", title: "NAME", give: true, value: func(g row) any { return g.Name },
			text: func(g row) string { return strings.Repeat("  ", tree.Depth(g.ID)) + g.Name }},
		{key: "id", value: func(g row) any { return string(g.ID) }},
		{key: "parent", aloud: "in", value: func(g row) any { return parent(g) }},
		{key: "computers", title: "COMPUTERS", right: true, value: func(g row) any { return size(g) }},
		{key: "failed", title: "FAILED", right: true, value: func(g row) any { return split(g, model.ComputerFailed) }},
		{key: "needed", title: "NEED UPDATES", right: true, value: func(g row) any { return split(g, model.ComputerNeeded) }},
		{key: "no_status", title: "NO STATUS", right: true, rank: 1, value: func(g row) any { return split(g, model.ComputerNoStatus) }},
		{key: "no_status_because", value: func(g row) any { return unknownComputers(snap, g.ID, now).object() }},
		{key: "ok", title: "UP TO DATE", right: true, value: func(g row) any { return split(g, model.ComputerOK) }, text: func(g row) string { return shareText(split(g, model.ComputerOK), size(g)) }},
		{key: "ok_percent", value: func(g row) any { return share(split(g, model.ComputerOK), size(g)) }},
		{key: "predefined", value: func(g row) any { return g.Predefined() }},
		{key: "formula", title: "FORMULA", give: true, rank: 2, value: func(g row) any { return g.Formula }},
		{key: "policy", title: "POLICY", give: true, rank: 3, value: func(g row) any { return policyObject(g.Policy) }, text: func(g row) string {
			if g.Policy.Empty() {
				return ""
			}
			return policyText(g.Policy)
		}},
	}
}

func (a *app) groupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "group NAME",
		Short: "Show one computer group; add, rename, move or remove groups; change members",
		Long: `Show one computer group: members, approvals and policy. A group whose name is
also a word below follows "--".`,
		Example: `  fettle group "All Computers"
  fettle group add Servers
  fettle group add Web --parent Servers --dynamic 'name:web*'
  fettle group add "Needs openssl" --needing deb/Debian/bookworm/openssl/3.0.17-1~deb12u3`,
		Args: between(1, 1, "the name of a group"),
		RunE: a.held(gated, a.group),
	}
	cmd.AddCommand(a.groupAddCommand(), a.groupSetCommand(),
		a.groupEdit("rename NAME NEW-NAME", "Give a group another name", 2, 2, "the name of a group and its new name", func(snap *store.Snapshot, g *model.Group, args []string) (model.Change, error) {
			return model.Change{Kind: model.ChangeGroupRename, Group: &model.Group{ID: g.ID, Name: args[1]}}, nil
		}),
		a.groupEdit("move NAME PARENT", "Put a group below another", 2, 2, "the name of a group and of its new parent", func(snap *store.Snapshot, g *model.Group, args []string) (model.Change, error) {
			p, err := findGroup(snap, args[1])
			if err != nil {
				return model.Change{}, err
			}
			return model.Change{Kind: model.ChangeGroupMove, Group: &model.Group{ID: g.ID, Parent: p.ID}}, nil
		}),
		a.groupEdit("remove NAME", "Remove a group with its subgroups", 1, 1, "the name of a group", func(_ *store.Snapshot, g *model.Group, _ []string) (model.Change, error) {
			return model.Change{Kind: model.ChangeGroupRemove, Group: &model.Group{ID: g.ID}}, nil
		}),
		a.groupEdit("join NAME COMPUTER...", "Put computers into a group", 2, -1, "the name of a group and computers", membership(model.ChangeJoin)),
		a.groupEdit("leave NAME COMPUTER...", "Take computers out of a group", 2, -1, "the name of a group and computers", membership(model.ChangeLeave)),
		a.groupEdit("exclude NAME COMPUTER...", "Keep computers out of a group, whatever its formula says", 2, -1, "the name of a group and computers", membership(model.ChangeExclude)),
		a.groupEdit("include NAME COMPUTER...", "End the exclusion of computers from a group", 2, -1, "the name of a group and computers", membership(model.ChangeInclude)),
		a.groupEdit("formula NAME QUERY", "Give a group another formula; an empty one makes it static", 2, 2, "the name of a group and a query on computers", func(_ *store.Snapshot, g *model.Group, args []string) (model.Change, error) {
			return formulaChange(g, args[1])
		}),
	)
	return cmd
}

// membership makes the change of members of a kind.
func membership(kind model.ChangeKind) func(*store.Snapshot, *model.Group, []string) (model.Change, error) {
	return func(snap *store.Snapshot, g *model.Group, args []string) (model.Change, error) {
		c := model.Change{Kind: kind, Group: &model.Group{ID: g.ID}}
		for _, name := range args[1:] {
			m, err := findComputer(snap, name)
			if err != nil {
				return c, err
			}
			c.Computers = append(c.Computers, m.Number)
		}
		slices.Sort(c.Computers)
		c.Computers = slices.Compact(c.Computers)
		return c, nil
	}
}

// groupEdit makes a command that changes the group that its first argument
// names.
func (a *app) groupEdit(use, short string, least, most int, names string, change func(*store.Snapshot, *model.Group, []string) (model.Change, error)) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: between(least, most, names)}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		g, err := findGroup(snap, args[0])
		if err != nil {
			return err
		}
		c, err := change(snap, g, args)
		if err != nil {
			return err
		}
		c.Remark = *remark
		return a.decide(ctx, h, c, nil)
	})
	return cmd
}

// formulaChange gives a group a formula.
func formulaChange(g *model.Group, formula string) (model.Change, error) {
	if _, err := query.ParseComputers(formula); err != nil {
		return model.Change{}, queryError(formula, err)
	}
	return model.Change{Kind: model.ChangeFormula, Group: &model.Group{ID: g.ID, Formula: formula}}, nil
}

func (a *app) groupSetCommand() *cobra.Command {
	var formula string
	cmd := &cobra.Command{Use: "set NAME --dynamic QUERY", Short: "Make a group dynamic, change its formula, or make it static", Args: between(1, 1, "the name of a group"),
		Long: `Give a group a formula: the computers that the query matches are its members, kept
current, beside those put there by hand. An empty one makes the group static.`,
		Example: `  fettle group set Web --dynamic 'name:web* role:server' --plan
  fettle group set Web --dynamic ''`}
	cmd.Flags().StringVar(&formula, "dynamic", "", "`QUERY` on computers whose matches are the members; empty: none")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		g, err := findGroup(h.store.Snapshot(), args[0])
		if err != nil {
			return err
		}
		if !cmd.Flags().Changed("dynamic") {
			return misuse("say what to set: fettle group set NAME --dynamic QUERY")
		}
		c, err := formulaChange(g, formula)
		if err != nil {
			return err
		}
		c.Remark = *remark
		return a.decide(ctx, h, c, nil)
	})
	return cmd
}

func (a *app) groupAddCommand() *cobra.Command {
	var parent, formula, needing string
	cmd := &cobra.Command{Use: "add NAME", Short: "Add a computer group", Args: between(1, 1, "a name for the group"),
		Long: `Add a computer group. With --dynamic its members are the computers that a query
matches, kept current; with --needing they are those that need an update now.`}
	cmd.Flags().StringVar(&parent, "parent", "All Computers", "`GROUP` above it")
	cmd.Flags().StringVar(&formula, "dynamic", "", "`QUERY` on computers whose matches are the members")
	cmd.Flags().StringVar(&needing, "needing", "", "`UPDATE` that the members need")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if formula != "" && needing != "" {
			return misuse("a group is either --dynamic or made of those --needing an update")
		}
		snap := h.store.Snapshot()
		p, err := findGroup(snap, parent)
		if err != nil {
			return err
		}
		if _, err := query.ParseComputers(formula); err != nil {
			return queryError(formula, err)
		}
		g := &model.Group{Name: args[0], Parent: p.ID, Formula: formula}
		var members []uint32
		if needing != "" {
			r, err := a.findUpdate(ctx, h, snap, needing)
			if err != nil {
				return err
			}
			if members = snap.NeededOn(r.Number, model.GroupAll); len(members) == 0 {
				return fmt.Errorf("no computer needs %s; no group was added", model.Clean(r.Title))
			}
		}
		return a.decide(ctx, h, model.Change{Kind: model.ChangeGroupAdd, Group: g, Computers: members, Remark: *remark}, func(e model.Entry) object {
			return object{{key: "name", value: g.Name}, {key: "computers", value: len(members)}}
		})
	})
	return cmd
}

func (a *app) group(_ context.Context, h *host, args []string) error {
	snap := h.store.Snapshot()
	g, err := findGroup(snap, args[0])
	if err != nil {
		return err
	}
	tree := snap.Groups()
	var members []*model.Computer
	for it := snap.Members(g.ID).Iterator(); it.HasNext(); {
		if c := snap.Computer(it.Next()); c != nil {
			members = append(members, c)
		}
	}
	slices.SortFunc(members, func(a, b *model.Computer) int {
		return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})
	var names, excluded, children []string
	for _, c := range members {
		names = append(names, c.Name)
	}
	for _, n := range g.Excluded {
		if c := snap.Computer(n); c != nil {
			excluded = append(excluded, c.Name)
		}
	}
	for _, id := range tree.Children(g.ID) {
		children = append(children, tree.Group(id).Name)
	}
	// What a group's members obey, as far as its own and the groups above decide.
	policy, from := model.EffectivePolicy(tree, append([]model.GroupID{g.ID}, tree.Ancestors(g.ID)...))
	split := snap.Split(g.ID)
	unknown := unknownComputers(snap, g.ID, h.store.Now())
	o := object{
		{key: "name", title: "Name", value: g.Name}, {key: "id", value: string(g.ID)},
		{key: "path", title: "Path", value: tree.Path(g.ID), text: strings.Join(tree.Path(g.ID), " > ")},
		{key: "predefined", title: "Predefined", value: g.Predefined()},
		{key: "formula", title: "Formula", value: g.Formula}, {key: "children", title: "Subgroups", value: children},
		{key: "policy", title: "Own policy", value: policyObject(g.Policy), text: policyText(g.Policy)},
		{key: "effective_policy", title: "Policy in force", value: policyObject(policy),
			text: fmt.Sprintf("%s (mode from %s, restart from %s)", policyText(policy), groupName(snap, from.Mode), groupName(snap, from.Restart))},
		{key: "computers", title: "Computers", value: len(members)},
		{key: "failed", title: "Failed", value: split[model.ComputerFailed]}, {key: "needed", title: "Need updates", value: split[model.ComputerNeeded]},
		{key: "no_status", title: "No status", value: split[model.ComputerNoStatus], text: strings.TrimSuffix(fmt.Sprintf("%d (%s)", split[model.ComputerNoStatus], unknown.text()), " ()")},
		{key: "no_status_because", value: unknown.object()},
		{key: "ok", title: "Up to date", value: split[model.ComputerOK], text: strings.TrimSuffix(fmt.Sprintf("%d (%s)", split[model.ComputerOK], shareText(split[model.ComputerOK], len(members))), " (-)")},
		{key: "ok_percent", value: share(split[model.ComputerOK], len(members))},
		{key: "members", value: names}, {key: "excluded", title: "Excluded", value: excluded},
	}
	if g.Policy.Empty() {
		o[6].title = ""
	}
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv || len(members) == 0 {
		return err
	}
	a.heading("Members:")
	return a.writeList(list(a, members, a.computerColumns(h, snap)), "")
}

func (a *app) policyCommand() *cobra.Command {
	var mode, at, restart string
	cmd := &cobra.Command{
		Use:   "policy [GROUP]",
		Short: "Show or set a group's Automatic Updates mode and restart policy",
		Long: `Show the policies of all groups or of one, or set a group's. Mode and restart
rule each come from the deepest group that sets them. "inherit" leaves the
decision to the group above.`,
		Example: `  fettle policy "All Computers" --mode scheduled --at sun@03:00 --restart idle
  fettle policy Servers --mode notify --restart never`,
		Args: between(0, 1, "the name of a group"),
	}
	cmd.Flags().StringVar(&mode, "mode", "", "`MODE`: scheduled, download, notify, disabled or inherit")
	cmd.Flags().StringVar(&at, "at", "", "`DAY@HH:MM` at which scheduled installs, such as daily@03:00 or sun@04:30")
	cmd.Flags().StringVar(&restart, "restart", "", "`WHEN`: never, idle (nobody is logged in), DAY@HH:MM or inherit")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		if mode == "" && at == "" && restart == "" {
			return a.policies(snap, args)
		}
		if len(args) == 0 {
			return misuse("say whose policy to set: fettle policy GROUP ...")
		}
		g, err := findGroup(snap, args[0])
		if err != nil {
			return err
		}
		p, err := editPolicy(g.Policy, mode, at, restart)
		if err != nil {
			return err
		}
		return a.decide(ctx, h, model.Change{Kind: model.ChangePolicy, Group: &model.Group{ID: g.ID, Policy: p}, Remark: *remark}, func(model.Entry) object {
			return object{{key: "group", value: g.Name}, {key: "policy", value: policyObject(p)}}
		})
	})
	return cmd
}

// editPolicy applies the flags of `fettle policy`.
func editPolicy(p model.Policy, mode, at, restart string) (model.Policy, error) {
	switch m, ok := model.ParseMode(mode); {
	case mode == "":
	case mode == "inherit":
		p.Mode, p.Install = model.ModeUnset, nil
	case ok:
		p.Mode = m
		if m != model.ModeScheduled {
			p.Install = nil
		}
	default:
		return p, misuse("--mode %q is none of scheduled, download, notify, disabled and inherit", model.Clean(mode))
	}
	if at != "" {
		w, err := model.ParseWeekTime(at)
		if err != nil {
			return p, misuse("--at: %w", err)
		}
		if p.Mode != model.ModeScheduled {
			return p, misuse("--at goes with --mode scheduled")
		}
		p.Install = &w
	}
	switch restart {
	case "":
	case "inherit":
		p.Restart, p.RestartAt = model.RestartUnset, nil
	case "never":
		p.Restart, p.RestartAt = model.RestartNo, nil
	case "idle":
		p.Restart, p.RestartAt = model.RestartIdle, nil
	default:
		w, err := model.ParseWeekTime(restart)
		if err != nil {
			return p, misuse("--restart %q is none of never, idle, inherit and a time such as sun@04:00", model.Clean(restart))
		}
		p.Restart, p.RestartAt = model.RestartAt, &w
	}
	return p, nil
}

// policies shows one group's policy or those of all groups that set one.
func (a *app) policies(snap *store.Snapshot, args []string) error {
	tree := snap.Groups()
	var groups []*model.Group
	if len(args) == 1 {
		g, err := findGroup(snap, args[0])
		if err != nil {
			return err
		}
		groups = append(groups, g)
	} else {
		for _, id := range tree.Order() {
			groups = append(groups, tree.Group(id))
		}
	}
	type row = *model.Group
	effective := func(g row) (model.Policy, model.PolicyOrigin) {
		return model.EffectivePolicy(tree, append([]model.GroupID{g.ID}, tree.Ancestors(g.ID)...))
	}
	return a.writeList(list(a, groups, []column[row]{
		{key: "group", title: "GROUP", give: true, value: func(g row) any { return g.Name }, text: func(g row) string { return strings.Repeat("  ", tree.Depth(g.ID)) + g.Name }},
		{key: "mode", title: "MODE", value: func(g row) any { p, _ := effective(g); return p.Mode.String() }},
		{key: "at", title: "AT", value: func(g row) any {
			if p, _ := effective(g); p.Install != nil {
				return p.Install.String()
			}
			return ""
		}},
		{key: "mode_from", title: "FROM", give: true, value: func(g row) any { _, o := effective(g); return groupName(snap, o.Mode) }},
		{key: "restart", title: "RESTART", value: func(g row) any { p, _ := effective(g); return restartWord(p) }},
		{key: "restart_from", title: "FROM", give: true, value: func(g row) any { _, o := effective(g); return groupName(snap, o.Restart) }},
	}), "")
}
