package command

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
)

func (a *app) rulesCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rules",
		Short: "List the automatic approval rules",
		Args:  between(0, 0, ""),
		RunE: a.held(gated, func(_ context.Context, h *host, _ []string) error {
			snap := h.store.Snapshot()
			type row = model.Rule
			return a.writeList(list(a, snap.Rules(), []column[row]{
				{key: "name", title: "NAME", give: true, value: func(r row) any { return r.Name }},
				{key: "enabled", title: "STATE", value: func(r row) any { return r.Enabled }, text: func(r row) string { return ruleState(r) }},
				{key: "classifications", title: "CLASSIFICATIONS", give: true, value: func(r row) any { return classWords(r.Classes) }, text: func(r row) string { return orAll(strings.Join(classWords(r.Classes), ", ")) }},
				{key: "products", title: "PRODUCTS", give: true, value: func(r row) any { return r.Products }, text: func(r row) string { return orAll(r.Products) }},
				{key: "groups", title: "GROUPS", give: true, value: func(r row) any { return groupNames(snap, r.Groups) }},
				{key: "deadline", title: "DEADLINE", rank: 1, value: func(r row) any { return ruleDeadlineWord(r) }},
				{key: "deployments", title: "DEPLOYMENTS", right: true, rank: 2, value: func(r row) any { return len(deploymentsOf(snap, r)) }},
				{key: "id", value: func(r row) any { return r.ID }},
			}), "There are no rules: nothing is approved by itself. Add one with: fettle rule add NAME --classifications LIST --group GROUP")
		}),
	}
}

func ruleState(r model.Rule) string {
	if r.Enabled {
		return "enabled"
	}
	return "disabled"
}

func classWords(classes []model.Classification) []string {
	var words []string
	for _, c := range classes {
		words = append(words, c.String())
	}
	return words
}

func orAll(text string) string {
	if text == "" {
		return "all"
	}
	return text
}

// ruleDeadlineWord writes a rule's deadline as --deadline takes it.
func ruleDeadlineWord(r model.Rule) string {
	if r.Deadline == nil {
		return ""
	}
	return r.Deadline.String()
}

// deploymentsOf gives the deployments that a rule made, the newest first.
func deploymentsOf(snap *store.Snapshot, r model.Rule) []*model.Deployment {
	return slices.DeleteFunc(snap.Deployments(), func(d *model.Deployment) bool { return d.RuleID != r.ID })
}

func ruleObject(snap *store.Snapshot, r model.Rule) object {
	deadline := "none"
	if r.Deadline != nil {
		deadline = fmt.Sprintf("%s: %s after the rule approves, at %02d:%02d of the server's time", r.Deadline, count(r.Deadline.Days, "day"), r.Deadline.Minute/60, r.Deadline.Minute%60)
	}
	return object{
		{key: "name", title: "Name", value: r.Name}, {key: "id", value: r.ID}, {key: "enabled", title: "State", value: r.Enabled, text: ruleState(r)},
		{key: "classifications", title: "Classifications", value: classWords(r.Classes), text: orAll(strings.Join(classWords(r.Classes), ", "))},
		{key: "products", title: "Products", value: r.Products, text: orAll(r.Products)},
		{key: "groups", title: "Groups", value: groupNames(snap, r.Groups)}, {key: "deadline", title: "Deadline", value: ruleDeadlineWord(r), text: deadline},
	}
}

func (a *app) ruleCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rule NAME",
		Short: "Show one automatic approval rule; add, change, enable, disable, remove or run rules",
		Long: `Show one automatic approval rule, and what running it now would approve. After
every synchronization the enabled rules approve what arrived new; revisions of
known updates never trigger one. A rule never approves what is declined, expired
or withdrawn, nothing that a newer update supersedes, nothing whose licence terms
were not accepted, and never against an approval that a person gave to the group.
A rule whose name is also a word below follows "--".`,
		Example: `  fettle rule add Security --classifications security --group Servers --deadline 7d@03:00
  fettle rule run Security --plan
  fettle rule disable Security`,
		Args: between(1, 1, "the name of a rule"),
		RunE: a.held(gated, func(_ context.Context, h *host, args []string) error {
			snap := h.store.Snapshot()
			r, err := findRule(snap, args[0])
			if err != nil {
				return err
			}
			run := snap.RunOf(r, nil, serverNow(h))
			var deployments []object
			for _, d := range deploymentsOf(snap, r) {
				deployments = append(deployments, object{{key: "deployment", value: d.ID}, {key: "time", value: d.Time}, {key: "updates", value: len(d.Updates)}, {key: "author", value: d.Author}, {key: "undone", value: d.Undone}})
			}
			o := append(ruleObject(snap, r), member{key: "run", title: "Run now", value: a.runObject(snap, run), text: runText(snap, run)}, member{key: "deployments", value: deployments})
			if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv || len(deployments) == 0 {
				return err
			}
			a.heading("Deployments:")
			return a.writeList(a.tableOf(deployments), "")
		}),
	}
	cmd.AddCommand(a.ruleAddCommand(), a.ruleSetCommand(),
		a.ruleSwitch("enable", "Let a rule approve what arrives new", true), a.ruleSwitch("disable", "Keep a rule, but do not let it approve anything", false),
		a.ruleRemoveCommand(), a.ruleRunCommand())
	return cmd
}

// serverNow is the time in the server's zone, in which rules' deadlines and
// forecasts are meant (semantics 3.4).
func serverNow(h *host) time.Time { return h.store.Now().In(time.Local) }

// findRule gives the rule of a name; the error suggests the nearest.
func findRule(snap *store.Snapshot, name string) (model.Rule, error) {
	if r, ok := snap.RuleByName(name); ok {
		return r, nil
	}
	var names []string
	for _, r := range snap.Rules() {
		names = append(names, model.Clean(r.Name))
	}
	e := fmt.Errorf("there is no rule %q", model.Clean(name))
	if near := nearest(name, names); near != "" {
		return model.Rule{}, &usageError{err: fmt.Errorf("%w; did you mean %q?", e, near)}
	}
	return model.Rule{}, &usageError{err: e, hint: "The rules are listed by: fettle rules"}
}

// classesFlag reads --classifications; "all" and nothing mean all.
func classesFlag(text string) ([]model.Classification, error) {
	if text == "all" {
		return nil, nil
	}
	var classes []model.Classification
	for _, word := range commaList(text) {
		class, ok := model.ParseClassification(word)
		if !ok {
			return nil, misuse("--classifications: %q is none of %s", model.Clean(word), strings.Join(classWords(model.Classifications()), ", "))
		}
		if !slices.Contains(classes, class) {
			classes = append(classes, class)
		}
	}
	return classes, nil
}

// ruleFlags are the flags that say what a rule is.
type ruleFlags struct {
	classes, products, due, name string
	groups                       []string
	disabled                     bool
}

func (f *ruleFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.classes, "classifications", "all", "`LIST` of classifications, such as security,critical; or all")
	cmd.Flags().StringVar(&f.products, "products", "", "`QUERY` on what updates are, such as 'product:\"Debian 12\"'; empty: all")
	cmd.Flags().StringArrayVar(&f.groups, "group", nil, "`GROUP` for which to approve, by its exact name; may be repeated")
	cmd.Flags().StringVar(&f.due, "deadline", "none", "`DAYS@TIME` after the day of the approval, such as 7d@03:00 in the server's time; or none")
}

// apply puts the flags that were given into a rule.
func (f *ruleFlags) apply(cmd *cobra.Command, snap *store.Snapshot, r *model.Rule) error {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	var err error
	if given("classifications") {
		if r.Classes, err = classesFlag(f.classes); err != nil {
			return err
		}
	}
	if given("products") {
		if r.Products = strings.TrimSpace(f.products); r.Products == "all" {
			r.Products = ""
		}
		if _, err := query.ParseUpdates(r.Products); err != nil {
			return queryError(r.Products, err)
		}
	}
	if given("group") {
		r.Groups = nil
		for _, name := range f.groups {
			g, err := findGroup(snap, name)
			if err != nil {
				return err
			}
			if !slices.Contains(r.Groups, g.ID) {
				r.Groups = append(r.Groups, g.ID)
			}
		}
	}
	if given("deadline") {
		r.Deadline = nil
		if f.due != "none" && f.due != "" {
			d, err := model.ParseRuleDeadline(f.due)
			if err != nil {
				return misuse("--deadline: %w", err)
			}
			r.Deadline = &d
		}
	}
	return nil
}

func (a *app) ruleAddCommand() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{
		Use:   "add NAME --group GROUP",
		Short: "Add an automatic approval rule",
		Long: `Add an automatic approval rule: what arrives new, is of one of the
classifications and matches the query is approved for the groups, for
installation. The query asks only for what updates are by themselves: product,
title, package, severity and so on, not for counts, approvals or ages. What is in
the catalogue already is approved by fettle rule run.`,
		Example: `  fettle rule add Security --classifications security --group Servers --deadline 7d@03:00
  fettle rule add Pilot --products 'product:"Debian 12" !package:linux*' --group Pilot`,
		Args: between(1, 1, "a name for the rule"),
	}
	f.add(cmd)
	cmd.Flags().BoolVar(&f.disabled, "disabled", false, "add it without letting it approve anything yet")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		if len(f.groups) == 0 {
			return &usageError{err: fmt.Errorf("a rule needs a group"), hint: `Name it with --group, for instance --group "All Computers"; list them with: fettle groups`}
		}
		snap := h.store.Snapshot()
		r := model.Rule{Name: strings.TrimSpace(args[0]), Enabled: !f.disabled}
		if err := f.apply(cmd, snap, &r); err != nil {
			return err
		}
		return a.decideAfter(ctx, h, model.Change{Kind: model.ChangeRuleAdd, Automatic: &r, Remark: *remark}, a.rulePreface(snap, r), func(model.Entry) object {
			return object{{key: "rule", value: r.Name}}
		})
	})
	return cmd
}

// rulePreface shows the rule as it will be, beside the plan.
func (a *app) rulePreface(snap *store.Snapshot, r model.Rule) preface {
	return preface{data: object{{key: "rule", value: ruleObject(snap, r)}}, text: func(w io.Writer) {
		deadline := "without a deadline"
		if r.Deadline != nil {
			deadline = "with the deadline " + r.Deadline.String()
		}
		_ = a.paragraph(w, "", fmt.Sprintf("Rule %s (%s): classifications: %s; products: %s; for %s, %s.", r.Name, ruleState(r), orAll(strings.Join(classWords(r.Classes), ", ")), orAll(r.Products), strings.Join(groupNames(snap, r.Groups), ", "), deadline))
	}}
}

func (a *app) ruleSetCommand() *cobra.Command {
	var f ruleFlags
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change an automatic approval rule",
		Long:  `Change what the flags name of an automatic approval rule; the rest stays.`,
		Example: `  fettle rule set Security --deadline 3d@03:00
  fettle rule set Security --name "Security, servers" --group Servers --group Web`,
		Args: between(1, 1, "the name of a rule"),
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "new `NAME` of the rule")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		r, err := findRule(snap, args[0])
		if err != nil {
			return err
		}
		if err := f.apply(cmd, snap, &r); err != nil {
			return err
		}
		if f.name != "" {
			r.Name = strings.TrimSpace(f.name)
		}
		before, _ := snap.RuleByName(args[0])
		if sameRule(before, r) {
			return misuse("say what to change: --classifications, --products, --group, --deadline or --name")
		}
		return a.decideAfter(ctx, h, model.Change{Kind: model.ChangeRuleSet, Automatic: &r, Remark: *remark}, a.rulePreface(snap, r), func(model.Entry) object {
			return object{{key: "rule", value: r.Name}}
		})
	})
	return cmd
}

func sameRule(a, b model.Rule) bool {
	return a.Name == b.Name && a.Enabled == b.Enabled && slices.Equal(a.Classes, b.Classes) && a.Products == b.Products && slices.Equal(a.Groups, b.Groups) && ruleDeadlineWord(a) == ruleDeadlineWord(b)
}

func (a *app) ruleSwitch(word, short string, to bool) *cobra.Command {
	cmd := &cobra.Command{Use: word + " NAME", Short: short, Args: between(1, 1, "the name of a rule")}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		r, err := findRule(snap, args[0])
		if err != nil {
			return err
		}
		if r.Enabled == to {
			return fmt.Errorf("the rule %s is %s already; nothing was changed", model.Clean(r.Name), ruleState(r))
		}
		r.Enabled = to
		return a.decide(ctx, h, model.Change{Kind: model.ChangeRuleSet, Automatic: &r, Remark: *remark}, func(model.Entry) object {
			return object{{key: "rule", value: r.Name}, {key: "enabled", value: to}}
		})
	})
	return cmd
}

func (a *app) ruleRemoveCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "remove NAME", Short: "Remove a rule; what it approved stays approved", Args: between(1, 1, "the name of a rule")}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		r, err := findRule(h.store.Snapshot(), args[0])
		if err != nil {
			return err
		}
		return a.decide(ctx, h, model.Change{Kind: model.ChangeRuleRemove, Automatic: &model.Rule{ID: r.ID, Name: r.Name}, Remark: *remark}, func(model.Entry) object {
			return object{{key: "rule", value: r.Name}}
		})
	})
	return cmd
}

func (a *app) ruleRunCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "run NAME",
		Short: "Approve what a rule matches in the whole catalogue",
		Long: `Approve what a rule matches in the whole catalogue, not only what is new. First
it is shown: the updates by classification, what is left alone and why, groups and
computers. --plan stops there. What the rule approved before is left alone, so
that no rule runs twice over the same updates. A disabled rule can be run too.`,
		Example: `  fettle rule run Security --plan`,
		Args:    between(1, 1, "the name of a rule"),
	}
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(gated, func(ctx context.Context, h *host, args []string) error {
		snap := h.store.Snapshot()
		r, err := findRule(snap, args[0])
		if err != nil {
			return err
		}
		return a.runRule(ctx, h, snap, r, *remark)
	})
	return cmd
}

// runRule runs a rule over the whole catalogue, its plan first.
func (a *app) runRule(ctx context.Context, h *host, snap *store.Snapshot, r model.Rule, remark string) error {
	run := snap.RunOf(r, nil, serverNow(h))
	data := a.runObject(snap, run)
	if len(run.Updates) == 0 {
		// Nothing to decide: that is an answer, and no failure.
		if a.flags.json || a.flags.csv {
			return a.writeObject(data)
		}
		_, err := io.WriteString(a.s.Out, a.runLines(snap, run, a.s.Size.Width))
		return err
	}
	c := store.RunChange(run)
	c.Remark = remark
	first := preface{data: object{{key: "run", value: data}}, text: func(w io.Writer) {
		width := a.s.Size.Width
		if w == a.s.Err {
			width = a.s.Live
		}
		_, _ = io.WriteString(w, a.runLines(snap, run, width))
	}}
	return a.decideAfter(ctx, h, c, first, func(e model.Entry) object {
		return object{{key: "deployment", title: "Deployment", value: e.Result}, {key: "rule", value: r.Name}, {key: "updates", value: idsOf(snap, run.Updates)}}
	})
}

// perClass counts updates by classification, in the order of classifications.
func perClass(snap *store.Snapshot, updates []uint32) []object {
	counts := map[model.Classification]int{}
	for _, n := range updates {
		if r := snap.Row(n); r != nil {
			counts[r.Class]++
		}
	}
	var rows []object
	for _, c := range append(model.Classifications(), model.ClassUnknown) {
		if counts[c] > 0 {
			rows = append(rows, object{{key: "class", value: c.String()}, {key: "updates", value: counts[c]}})
		}
	}
	return rows
}

// runObject is a rule's run for programs.
func (a *app) runObject(snap *store.Snapshot, run model.RuleRun) object {
	var skipped, groups []object
	for _, s := range run.Skipped {
		skipped = append(skipped, object{{key: "why", value: s.Why}, {key: "updates", value: len(s.Updates)}, {key: "update_ids", value: idsOf(snap, s.Updates)}})
	}
	for _, g := range run.Groups {
		groups = append(groups, groupPlanObject(g))
	}
	return object{{key: "rule", value: run.Rule.Name}, {key: "updates", value: len(run.Updates)}, {key: "update_ids", value: idsOf(snap, run.Updates)}, {key: "classes", value: perClass(snap, run.Updates)},
		{key: "deadline", value: run.Deadline}, {key: "skipped", value: skipped}, {key: "groups", value: groups}}
}

// skipText says why a rule leaves updates alone.
func skipText(s model.RuleSkip) string {
	n := count(len(s.Updates), "update")
	switch s.Why {
	case "declined":
		return n + ": declined"
	case "licence":
		return n + ": licence terms not accepted (fettle accept-licence)"
	case "superseded":
		return n + ": superseded; what supersedes it is approved instead"
	case "approved before":
		return n + ": approved by this rule before"
	case "decided by hand":
		return n + ": a person or another rule decided for the group already"
	case "user input":
		return n + ": asks its user something, so that a deadline cannot be set"
	}
	return n + ": " + s.Why
}

// runText says in short what a run would do.
func runText(snap *store.Snapshot, run model.RuleRun) string {
	lines := []string{"it would approve nothing"}
	if n := len(run.Updates); n > 0 {
		lines[0] = "it would approve " + count(n, "update") + classesText(snap, run.Updates)
	}
	for _, s := range run.Skipped {
		lines = append(lines, "left alone: "+skipText(s))
	}
	return strings.Join(lines, "\n")
}

// classesText lists numbers of updates by classification.
func classesText(snap *store.Snapshot, updates []uint32) string {
	var parts []string
	for _, o := range perClass(snap, updates) {
		parts = append(parts, fmt.Sprintf("%s: %d", o[0].value, o[1].value))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// runLines says at length what a run would do; the plan of its approvals
// follows.
func (a *app) runLines(snap *store.Snapshot, run model.RuleRun, width int) string {
	var b strings.Builder
	say := func(indent, text string) { b.WriteString(wrapped(width, indent, text)) }
	say("", fmt.Sprintf("Rule %s: %s", run.Rule.Name, strings.Split(runText(snap, run), "\n")[0]+"."))
	for _, s := range run.Skipped {
		say("  ", "left alone: "+skipText(s))
	}
	return b.String()
}
