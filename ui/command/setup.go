package command

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/sync/engine"
)

// howThisComputer is how the first wizard's completion is written down when
// this computer was brought under management.
const howThisComputer = "this computer"

func (a *app) setupCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Run the two wizards without questions, or say how far the setup is",
		Long: `Both wizards must have been run before updates can be managed:
  fettle setup computers    the Computer and Device Management Wizard
  fettle setup updates      the Updates Management Configuration Wizard`,
		Args: words,
		RunE: a.held(0, a.setupStatus),
	}
	cmd.AddCommand(a.setupComputersCommand(), a.setupUpdatesCommand(), &cobra.Command{
		Use: "status", Short: "Say what is complete and what is not", Args: between(0, 0, ""), RunE: a.held(0, a.setupStatus),
	})
	return cmd
}

func (a *app) setupStatus(_ context.Context, h *host, _ []string) error {
	setup := h.store.Snapshot().Setup()
	type row = model.SetupTask
	step := func(t row) model.SetupStep {
		if t.Short == "computers" {
			return setup.Computers
		}
		return setup.Updates
	}
	t := list(a, setup.Tasks(), []column[row]{
		{key: "task", value: func(t row) any { return t.Short }},
		{key: "wizard", title: "TASK", give: true, value: func(t row) any { return t.Wizard }},
		{key: "done", title: "STATE", value: func(t row) any { return t.Done }, text: func(t row) string {
			if t.Done {
				return "complete"
			}
			return "open"
		}},
		{key: "completed", title: "COMPLETED", rank: 1, value: func(t row) any { return step(t).Done }},
		{key: "how", title: "HOW", give: true, rank: 2, value: func(t row) any { return step(t).How }},
		{key: "purpose", value: func(t row) any { return t.Purpose }},
		{key: "command", value: func(t row) any { return t.Command }},
	})
	if err := a.writeList(t, ""); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	if setup.Complete() {
		fmt.Fprintln(a.s.Out, "\nThe setup is complete.")
		return nil
	}
	fmt.Fprintln(a.s.Out, "\n"+model.SetupIncomplete)
	for _, task := range setup.Tasks() {
		if !task.Done {
			fmt.Fprintf(a.s.Out, "To %s: %s\n", task.Purpose, task.Command)
		}
	}
	return nil
}

func (a *app) setupComputersCommand() *cobra.Command {
	var this bool
	cmd := &cobra.Command{
		Use:   "computers",
		Short: "The Computer and Device Management Wizard: bring computers under management",
		Long: `Bring computers under management. --this-computer manages the computer that the
command runs on, without a server and without a network, and has it report
what it needs at once.`,
		Args: between(0, 0, ""),
	}
	cmd.Flags().BoolVar(&this, "this-computer", false, "manage this computer")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(long, func(ctx context.Context, h *host, _ []string) error {
		if !this {
			return &usageError{err: errors.New("say which computers to bring under management"), hint: "This version manages the computer that it runs on: fettle setup computers --this-computer"}
		}
		if err := h.available(); err != nil {
			return err
		}
		change := model.Change{Kind: model.ChangeComputers, How: []string{howThisComputer}, Remark: *remark}
		if err := a.make(ctx, h, change); err != nil || a.flags.plan {
			return err
		}
		if err := a.firstReport(ctx, h); err != nil {
			return fmt.Errorf("this computer is managed now, but its first report failed: %w. Try again with: fettle agent check-in", err)
		}
		return a.thisComputer(h)
	})
	return cmd
}

// make makes a change of a wizard: whoever gave all the answers on the command
// line is not asked again.
func (a *app) make(ctx context.Context, h *host, c model.Change) error {
	if a.flags.plan {
		return a.decide(ctx, h, c, nil)
	}
	if err := a.permit("The change was not made"); err != nil {
		return err
	}
	p, err := h.store.Plan(ctx, c, a.actor())
	if err != nil {
		return err
	}
	a.warn(p)
	e, err := h.store.Make(ctx, c, a.actor())
	if err != nil {
		return err // a wizard's change waits for nobody's consent
	}
	a.say("%s. Journal entry %d.", model.Clean(e.Summary), e.Seq)
	return nil
}

// firstReport has this computer's agent check in: it scans and reports.
func (a *app) firstReport(ctx context.Context, h *host) error {
	job, err := h.engine.CheckIn(ctx, a.actor())
	if err != nil {
		return err
	}
	return a.follow(ctx, h, job)
}

// thisComputer answers with what this computer reported.
func (a *app) thisComputer(h *host) error {
	snap := h.store.Snapshot()
	for _, c := range snap.Computers() {
		if !c.Local {
			continue
		}
		st, err := h.store.Status(c.Number)
		if err != nil {
			return err
		}
		security := 0
		for _, p := range st.Packages {
			if p.Security {
				security++
			}
		}
		o := object{{key: "name", title: "Computer", value: c.Name}, {key: "id", value: string(c.ID)}, {key: "os", title: "Operating system", value: c.OS},
			{key: "packages", title: "Packages to upgrade", value: len(st.Packages)}, {key: "security", value: security},
			{key: "updates", title: "Updates needed", value: len(snap.NeededBy(c.Number))}}
		if setup := snap.Setup(); !setup.Complete() {
			o = append(o, member{key: "next", title: "Next", value: setup.Tasks()[1].Command})
		} else {
			o = append(o, member{key: "next", title: "Next", value: "fettle updates needed:>0"})
		}
		return a.writeObject(o)
	}
	return errors.New("this computer has not reported")
}

// upstreamFlag reads --upstream KIND=LOCATION[,option=value...].
func upstreamFlag(text, name string) (model.Upstream, error) {
	kind, rest, ok := strings.Cut(text, "=")
	if !ok || rest == "" {
		return model.Upstream{}, misuse("--upstream %q is not of the form KIND=LOCATION, such as debian=apt", model.Clean(text))
	}
	parts := []string{rest} // a path may hold commas
	file := isFileKind(model.UpstreamKind(kind))
	if !file {
		parts = strings.Split(rest, ",")
	}
	u := model.Upstream{Name: name, Kind: model.UpstreamKind(kind), Location: parts[0]}
	for _, p := range parts[1:] {
		key, value, ok := strings.Cut(p, "=")
		if !ok {
			return u, misuse("the option %q of --upstream is not of the form NAME=VALUE", model.Clean(p))
		}
		if u.Options == nil {
			u.Options = map[string]string{}
		}
		u.Options[key] = value
	}
	if !file && !slices.Contains(engine.SourceKinds(), kind+"="+parts[0]) {
		return u, &model.Refusal{Code: "upstream-kind", What: fmt.Sprintf("The upstream %s was refused", model.Clean(text)), Why: "this version synchronizes from " + strings.Join(engine.SourceKinds(), ", "), Remedy: "fettle setup updates --upstream " + engine.SourceKinds()[0]}
	}
	if file && !filepath.IsAbs(u.Location) {
		return u, misuse("--upstream %s: the file is looked for on the computer that keeps the store, at every synchronization; name it by its whole path, such as %s=/srv/%s.cab. To take in a file once: fettle import FILE", model.Clean(text), kind, kind)
	}
	if len(u.Options) > 0 {
		return u, misuse("%s=%s takes no options", kind, parts[0])
	}
	if u.Name == "" {
		u.Name = kind
	}
	if !validUpstreamName(u.Name) {
		return u, misuse("--name %q cannot be an upstream's name", model.Clean(u.Name))
	}
	return u, nil
}

// isFileKind says whether an upstream's location is a file.
func isFileKind(k model.UpstreamKind) bool {
	return k == model.UpstreamWsusscn2 || k == model.UpstreamWsusExport
}

func (a *app) setupUpdatesCommand() *cobra.Command {
	var upstream, name, products, categories, classes, languages, content, schedule, proxy string
	var now, runRules bool
	cmd := &cobra.Command{
		Use:   "updates --upstream KIND=LOCATION",
		Short: "The Updates Management Configuration Wizard: where updates come from, which are wanted",
		Long: `Say where the catalogue of updates comes from, which are wanted, and when it is
brought into step. debian=apt means the archives that this computer's own apt is
configured for. wsusscn2=FILE and wsusexport=FILE are files that are replaced by
newer ones now and then: Microsoft's offline scan catalogue, and what wsusutil
export writes. They are looked for on the computer that keeps the store.

Products are chosen with --categories, by identifier, by name with the family
('Windows > Windows 11'), or by a name that only one has; fettle products lists
them once a catalogue is there, and fettle products select changes the choice.

Automatic approval rules do not run over the initial synchronization. After it is
said how many updates each would approve; --run-rules consents to that.`,
		Example: `  fettle setup updates --upstream debian=apt --sync-now
  fettle setup updates --upstream debian=apt --classifications security --schedule manual
  fettle setup updates --upstream wsusscn2=/srv/wsusscn2.cab --languages en,de --sync-now`,
		Args: between(0, 0, ""),
	}
	f := cmd.Flags()
	f.StringVar(&upstream, "upstream", "", "`KIND=LOCATION`: "+strings.Join(engine.SourceKinds(), ", "))
	f.StringVar(&name, "name", "", "`NAME` of the upstream (default: its kind)")
	f.StringVar(&products, "products", "", "`QUERY` on updates; what it does not match is not shown (default: all)")
	f.StringVar(&categories, "categories", "", "`LIST` of products, or of what groups them, as fettle products names them (default: all)")
	f.StringVar(&classes, "classifications", "", "`LIST` of classifications, such as security,update (default: all)")
	f.StringVar(&languages, "languages", "", "`LIST` of languages that titles are shown in, the best first, such as de,en (default: that of the update)")
	f.StringVar(&content, "content", "vendor", "`WHERE` payload files are kept; this version: vendor")
	f.StringVar(&schedule, "schedule", "1/day@03:00", "`WHEN`: manual, or N/day@HH:MM")
	f.StringVar(&proxy, "proxy", "", "`ADDRESS` of a proxy for this upstream (default: apt's own)")
	f.BoolVar(&now, "sync-now", false, "synchronize at once")
	f.BoolVar(&runRules, "run-rules", false, "run the rules over what an initial synchronization brings")
	remark := a.changing(cmd, true)
	cmd.RunE = a.held(long, func(ctx context.Context, h *host, _ []string) error {
		if runRules && !now {
			return misuse("--run-rules goes with --sync-now")
		}
		if upstream == "" {
			return &usageError{err: errors.New("say where updates come from"), hint: "For instance: fettle setup updates --upstream debian=apt --sync-now"}
		}
		u, err := upstreamFlag(upstream, name)
		if err != nil {
			return err
		}
		u.Proxy = proxy
		if u.Schedule, err = model.ParseSyncSchedule(schedule); err != nil {
			return misuse("--schedule: %w", err)
		}
		settings := model.Settings{Products: products, Languages: commaList(languages)}
		if _, err := query.ParseUpdates(products); err != nil {
			return queryError(products, err)
		}
		if settings.Classes, err = classesFlag(classes); err != nil {
			return err
		}
		if content != model.ContentVendor.String() {
			return &model.Refusal{Code: "content", What: "--content " + model.Clean(content) + " was refused", Why: "this version leaves payload files at the vendor, from where computers take them", Remedy: "fettle setup updates ... --content vendor"}
		}
		if categories != "" {
			snap := h.store.Snapshot()
			chosen, err := findCategories(snap.CategoryTree(), snap.Categories(), categories)
			if err != nil {
				return err
			}
			choice := newChoice(snap)
			choice.products = map[model.CategoryID]bool{}
			for _, c := range chosen {
				if c.Kind == model.CategoryClassification {
					return misuse("--categories: %s is a classification; it belongs to --classifications", model.Clean(c.Title))
				}
				choice.add(c.ID)
			}
			settings.Categories = choice.list()
		}
		lines, err := h.engine.Test(ctx, u)
		if err != nil {
			return err
		}
		for _, l := range lines {
			a.say("%s", l)
		}
		estimate, err := h.engine.Estimate(ctx, u)
		if err != nil {
			return err
		}
		a.say("%s", estimateText(estimate))
		for _, r := range estimate.Remarks {
			a.say("Note: %s", r)
		}
		if err := a.make(ctx, h, model.Change{Kind: model.ChangeUpdates, Upstream: &u, Settings: &settings, Remark: *remark}); err != nil || a.flags.plan {
			return err
		}
		if !now {
			a.say("Bring the catalogue into step with: fettle sync")
			return nil
		}
		runs, err := a.synchronize(ctx, h, []string{u.Name})
		if err != nil {
			return err
		}
		return a.rulesOverInitial(ctx, h, runs, runRules)
	})
	return cmd
}

// rulesOverInitial says what each rule would approve of what an initial
// synchronization brought, over which rules do not run by themselves, and runs
// them on consent (design 6): consented says that the command line gave it; on a
// terminal it is asked for.
func (a *app) rulesOverInitial(ctx context.Context, h *host, synced []*model.SyncRun, consented bool) error {
	var over []uint32
	for _, r := range synced {
		if r.Initial {
			over = append(over, r.New...)
		}
	}
	if len(over) == 0 {
		return nil
	}
	var names []string
	for _, r := range h.store.Snapshot().Rules() {
		if r.Enabled {
			names = append(names, r.Name)
		}
	}
	for _, name := range names {
		// Each run is seen by the next: what one rule approved another leaves alone.
		snap := h.store.Snapshot()
		r, ok := snap.RuleByName(name)
		if !ok {
			continue
		}
		run := snap.RunOf(r, over, serverNow(h))
		for _, line := range strings.Split(strings.TrimSuffix(a.runLines(snap, run, a.s.Live), "\n"), "\n") {
			a.say("%s", line)
		}
		if len(run.Updates) == 0 {
			continue
		}
		for _, g := range run.Groups {
			a.say("  %s", model.Clean(a.groupPlanText(g)))
		}
		yes := consented
		if !yes && a.s.Ask {
			var err error
			if yes, err = a.ask(ctx, fmt.Sprintf("Run the rule %s over the initial synchronization?", model.Clean(r.Name)), false); err != nil {
				return err
			}
		}
		if !yes {
			a.say("It was not run over the initial synchronization; to run it over the whole catalogue: fettle rule run %s", shellWord(r.Name))
			continue
		}
		e, err := h.store.Make(ctx, store.RunChange(run), a.actor())
		var waiting *model.AwaitingConsent
		switch {
		case errors.As(err, &waiting):
			a.say("The run of rule %s waits for the consent of a second person: fettle consent %d", model.Clean(r.Name), waiting.Proposal.ID)
		case err != nil:
			return fmt.Errorf("running rule %s: %w", model.Clean(r.Name), err)
		default:
			a.say("%s. Journal entry %d.", model.Clean(e.Summary), e.Seq)
		}
	}
	return nil
}

// shellWord writes a name as a shell takes it for one word.
func shellWord(name string) string {
	if strings.IndexFunc(name, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:+,=@%", r))
	}) < 0 && name != "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", "'\\''") + "'"
}

func commaList(text string) []string {
	var words []string
	for _, w := range strings.Split(text, ",") {
		if w = strings.TrimSpace(w); w != "" {
			words = append(words, w)
		}
	}
	return words
}

// estimateText says what a synchronization will bring.
func estimateText(e model.Estimate) string {
	text := fmt.Sprintf("To be expected: about %s", count(e.Updates, "update"))
	if e.Bytes > 0 {
		text += fmt.Sprintf(", %s of metadata", size(e.Bytes))
	}
	if e.Time > 0 {
		text += fmt.Sprintf(", about %d s", max(1, int(e.Time.Seconds()+0.5)))
	}
	return text + "."
}
