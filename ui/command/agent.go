package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/sync/agent"
	"fettle/sync/agent/apt"
	"fettle/sync/engine"
	"fettle/ui/config"
	"fettle/ui/remote"
)

// neverRestart stands where the configuration forbids restarts.
type neverRestart struct{}

// Restart refuses.
func (neverRestart) Restart(context.Context, time.Duration, string) error {
	return &model.Refusal{Code: "restart", What: "This computer was not restarted", Why: "its configuration says so ([agent] restart = false)"}
}

// packages is the apt that the configuration names.
func packages(c config.Config, state string) *apt.System {
	return apt.New(apt.Options{Runner: apt.Exec{Prefix: c.Apt.Prefix}, Root: c.Apt.Root, Apt: aptArguments(c), Cache: state, RefreshTimeout: time.Duration(c.Sync.RefreshTimeout)})
}

// aptArguments are the configuration's options as apt's programs take them.
func aptArguments(c config.Config) []string {
	var args []string
	for _, o := range c.Apt.Options {
		args = append(args, "-o", o)
	}
	return args
}

// stateDir is where this computer's agent keeps its state.
func stateDir(c config.Config, data string) string {
	if c.Agent.State != "" {
		return c.Agent.State
	}
	return filepath.Join(data, "agent")
}

// newAgent makes this computer's agent. once says that nobody keeps its
// schedule: it runs for one command.
func newAgent(c config.Config, data string, server agent.Server, once bool, log *slog.Logger) (*agent.Agent, error) {
	o := agent.Options{
		StateDir: stateDir(c, data), Server: server, Version: Version, Root: c.Apt.Root, AptOptions: aptArguments(c), DpkgOptions: c.Apt.Dpkg, Prefix: c.Apt.Prefix,
		PolicyFile: c.Agent.Policy, Local: once, Log: log,
	}
	o.Packages = packages(c, o.StateDir)
	if !c.Agent.Restart {
		o.Restarter = neverRestart{}
	}
	o, err := agent.System(o)
	if err != nil {
		return nil, err
	}
	return agent.New(o)
}

// localServer is the server as an agent of this very computer sees it: whoever
// it says it is, since the kernel told that it is the same user or root.
func (h *host) localServer() agent.Server { return h.engine.Agents().For("", true) }

// available refuses when this computer cannot be managed, with what can be done
// from here instead.
func (h *host) available() error {
	return packages(h.config, stateDir(h.config, h.dir)).Available()
}

// manages refuses when this computer was not brought under management.
func (h *host) manages() error {
	setup := h.store.Snapshot().Setup()
	for _, how := range setup.Computers.How {
		if how == howThisComputer {
			return nil
		}
	}
	if !setup.Complete() {
		return model.SetupRefusal(setup)
	}
	return &model.Refusal{Code: "no-agent", What: "This computer is not managed here", Remedy: "fettle setup computers --this-computer"}
}

// outcomeError says what a cycle that ended could not do.
func outcomeError(out agent.Outcome) error {
	var errs []error
	for _, f := range out.Failed {
		errs = append(errs, fmt.Errorf("%s failed (%s): %s", f.Update, f.Code, f.Text))
	}
	if out.Offline != nil {
		errs = append(errs, fmt.Errorf("the server could not be asked: %w", out.Offline))
	}
	return errors.Join(errs...)
}

// agent gives the engine this computer's agent, or nil when it is not managed
// here.
func (h *host) agent() (engine.Computer, error) {
	if h.manages() != nil {
		return nil, nil
	}
	a, err := newAgent(h.config, h.dir, h.localServer(), false, h.log)
	if err != nil {
		return nil, err
	}
	return engine.ThisComputer(a), nil
}

func (a *app) agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "This computer's own agent: check in, install, say what it plans",
		Long: `This computer's own agent. Its commands always run in the caller's process, on
the managed computer.`,
		Args: words,
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(
		a.planned(&cobra.Command{Use: "check-in", Short: "Report and do what is wanted, now", Args: between(0, 0, ""),
			Long: `Scan this computer, report, ask what is approved, and install what is due by its
deadline or schedule. --plan shows what the agent knows to be approved, as of its
last check-in.`,
			RunE: a.local(func(ctx context.Context, cmd *cobra.Command, args []string) error {
				if a.flags.plan {
					return a.agentPlan(ctx, cmd, args)
				}
				return a.withAgent(ctx, true, func(ag *agent.Agent) error {
					m := a.meter()
					out, err := ag.CheckIn(ctx, m.show)
					m.clear()
					return a.writeOutcome(out, err)
				})
			})}),
		a.planned(&cobra.Command{Use: "install [ID...]", Short: "Install approved updates now", Args: cobra.ArbitraryArgs,
			Long: `Install approved updates now, at your word; without identifiers, all of them.
--plan shows what the agent knows to be approved, as of its last check-in.`,
			RunE: a.local(func(ctx context.Context, cmd *cobra.Command, args []string) error {
				if a.flags.plan {
					return a.agentPlan(ctx, cmd, nil)
				}
				return a.withAgent(ctx, true, func(ag *agent.Agent) error {
					if err := ag.MayInstall(a.s.Actor.Who); err != nil {
						return err
					}
					var ids []model.UpdateID
					for _, id := range args {
						ids = append(ids, model.UpdateID(id))
					}
					m := a.meter()
					out, err := ag.Install(ctx, ids, m.show)
					m.clear()
					return a.writeOutcome(out, err)
				})
			})}),
		&cobra.Command{Use: "run", Short: "Check in on the agent's own schedule until ended", Args: between(0, 0, ""),
			RunE: a.local(func(ctx context.Context, _ *cobra.Command, _ []string) error {
				return a.withAgent(ctx, false, func(ag *agent.Agent) error {
					a.say("The agent runs; Ctrl-C ends it.")
					err := ag.Run(ctx, func(out agent.Outcome, err error) {
						if err == nil {
							err = outcomeError(out)
						}
						if err != nil {
							a.say("The check-in failed: %s", model.CleanLines(err.Error()))
						} else {
							a.say("Checked in: %s.", outcomeText(out))
						}
					})
					if ctx.Err() != nil {
						return nil // that is how it ends
					}
					return err
				})
			})},
		&cobra.Command{Use: "status", Short: "Say when the agent last checked in and what it knows", Args: between(0, 0, ""), RunE: a.local(a.agentStatus)},
		&cobra.Command{Use: "plan", Short: "Show what the agent is to install, and when", Args: between(0, 0, ""), RunE: a.local(a.agentPlan)},
	)
	return cmd
}

// withAgent makes this computer's agent with its server: the process that holds
// the store, or this one.
func (a *app) withAgent(ctx context.Context, once bool, do func(*agent.Agent) error) error {
	if err := a.permit("The agent did nothing"); err != nil {
		return err
	}
	client, h, err := a.reach(ctx)
	if err != nil {
		return err
	}
	if client == nil {
		err := h.listen()
		if err == nil {
			err = h.manages()
		}
		if setup := h.store.Snapshot().Setup(); err == nil && !setup.Complete() {
			err = model.SetupRefusal(setup)
		}
		if err == nil {
			err = h.store.WaitLoaded(ctx)
		}
		var ag *agent.Agent
		if err == nil {
			ag, err = newAgent(a.config, h.dir, h.localServer(), once, h.log)
		}
		if err == nil {
			err = do(ag)
		}
		return errors.Join(err, h.close(ctx, a.say))
	}
	link, err := remote.NewLink(ctx, client, func(ctx context.Context) (*remote.Client, error) {
		client, _, err := a.attach(ctx)
		if err == nil && client == nil {
			err = errors.New("no process holds the store now")
		}
		return client, err
	})
	if err != nil {
		return err
	}
	defer link.Close()
	ag, err := newAgent(a.config, a.agentData(), link, once, discard())
	if err != nil {
		return err
	}
	return do(ag)
}

// agentData is the data directory that the agent's state belongs to when another
// process holds the store.
func (a *app) agentData() string {
	for _, p := range a.places() {
		if !p.attach || os.Geteuid() == 0 {
			return p.dir
		}
	}
	return systemData
}

var (
	_ agent.Server = (*remote.Link)(nil)
	_ agent.Caller = (*remote.Link)(nil)
)

func updateIDs(ids []model.UpdateID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

// actionRows are what was decided of each approved update.
func actionRows(actions []agent.Action) []object {
	var rows []object
	for _, x := range actions {
		rows = append(rows, object{{key: "update", value: string(x.Update)}, {key: "title", value: x.Title}, {key: "action", value: x.Do.String()}, {key: "at", value: x.At},
			{key: "reason", value: x.Reason}, {key: "waits_for", value: updateIDs(x.WaitsFor)}})
	}
	return rows
}

func failureRows(failures []model.Failure) []object {
	var rows []object
	for _, f := range failures {
		rows = append(rows, failureObject(f))
	}
	return rows
}

// outcomeText says in short what a cycle came to.
func outcomeText(out agent.Outcome) string {
	parts := []string{fmt.Sprintf("%s needed", count(len(out.Report.Needed), "package"))}
	if n := len(out.Installed); n > 0 {
		parts = append(parts, fmt.Sprintf("%s installed", count(n, "update")))
	}
	if n := len(out.Failed); n > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", n))
	}
	if n := len(out.Withdrawn); n > 0 {
		parts = append(parts, fmt.Sprintf("%d not installed because the approval was withdrawn", n))
	}
	waiting := 0
	for _, x := range out.Actions {
		if x.Do != model.DecideInstall {
			waiting++
		}
	}
	if waiting > 0 {
		parts = append(parts, fmt.Sprintf("%d approved and waiting", waiting))
	}
	if out.Restart {
		parts = append(parts, "the computer is about to restart")
	} else if len(out.Report.Pending) > 0 {
		parts = append(parts, "a restart is pending")
	}
	return strings.Join(parts, ", ")
}

// writeOutcome answers with what a cycle came to.
func (a *app) writeOutcome(out agent.Outcome, err error) error {
	err = errors.Join(err, outcomeError(out))
	if out.Report.Time.IsZero() {
		return err // it came to nothing
	}
	o := object{
		{key: "summary", title: "Checked in", value: outcomeText(out)},
		{key: "needed", value: packageRows(out.Report.Needed)}, {key: "not_offered", value: packageRows(out.Report.Others)},
		{key: "installed", title: "Installed", value: updateIDs(out.Installed), text: strings.Join(updateIDs(out.Installed), "\n")},
		{key: "withdrawn", title: "Withdrawn", value: updateIDs(out.Withdrawn)},
		{key: "actions", value: actionRows(out.Actions)}, {key: "failures", value: failureRows(out.Failed)},
		{key: "conffiles", title: "Configuration files kept", value: out.Conffiles},
		{key: "restart_pending", title: "Restart pending", value: out.Report.Pending}, {key: "restarting", value: out.Restart},
		{key: "next_check_in", title: "Next check-in", value: out.Report.NextCheck},
	}
	if werr := a.writeObject(o); werr != nil {
		return errors.Join(err, werr)
	}
	if a.flags.json || a.flags.csv || len(out.Actions) == 0 {
		return err
	}
	a.heading("Approved:")
	return errors.Join(err, a.writeList(a.tableOf(actionRows(out.Actions), "title"), ""))
}

// agentState reads what this computer's agent remembers.
func (a *app) agentState() (agent.State, string, error) {
	var dir string
	for _, p := range a.places() {
		dir = stateDir(a.config, p.dir)
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			st, err := agent.ReadState(dir)
			if err == nil || !errors.Is(err, os.ErrPermission) {
				return st, dir, err
			}
		}
	}
	st, err := agent.ReadState(dir)
	return st, dir, err
}

func (a *app) agentStatus(context.Context, *cobra.Command, []string) error {
	st, dir, err := a.agentState()
	if err != nil {
		return err
	}
	o := object{
		{key: "checked_in", title: "Last check-in", value: st.CheckedIn}, {key: "next_check_in", title: "Next check-in", value: st.NextCheck},
		{key: "wake", title: "Wakes before", value: st.Wake}, {key: "refreshed", title: "Lists refreshed", value: st.Refreshed},
		{key: "error", title: "Last error", value: st.Error}, {key: "restart_pending", title: "Restart pending", value: st.Pending},
		{key: "unsent", title: "Not yet told the server", value: len(st.Outbox)},
		{key: "actions", value: actionRows(st.Actions)}, {key: "failures", value: failureRows(st.Failures)},
		{key: "state_directory", title: "State", value: dir},
	}
	if st.CheckedIn.IsZero() {
		o[0].text = "never"
	}
	if st.Report != nil {
		o = append(o, member{key: "needed", title: "Packages needed", value: packageRows(st.Report.Needed), text: fmt.Sprint(len(st.Report.Needed))},
			member{key: "policy", title: "Policy", value: policyObject(st.Report.Policy), text: policyText(st.Report.Policy)})
	}
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	for _, part := range []struct {
		title string
		rows  []object
	}{{"Approved:", actionRows(st.Actions)}, {"Failures:", failureRows(st.Failures)}} {
		if len(part.rows) > 0 {
			a.heading("%s", part.title)
			if err := a.writeList(a.tableOf(part.rows, "title", "meaning", "remedy"), ""); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *app) agentPlan(context.Context, *cobra.Command, []string) error {
	st, _, err := a.agentState()
	if err != nil {
		return err
	}
	var plan model.InstallPlan
	if st.Decisions != nil {
		plan = st.Decisions.Plan
	}
	at := map[model.UpdateID]agent.Action{}
	for _, x := range st.Actions {
		at[x.Update] = x
	}
	var updates, items []object
	for _, u := range plan.Updates {
		updates = append(updates, object{{key: "update", value: string(u.Update)}, {key: "deadline", value: u.Deadline}, {key: "action", value: at[u.Update].Do.String()}, {key: "at", value: at[u.Update].At},
			{key: "waits_for", value: updateIDs(u.WaitsFor)}, {key: "refused", value: u.Refused}, {key: "reason", value: at[u.Update].Reason}})
	}
	for _, it := range plan.Items {
		reason := "approved"
		if it.Reason == model.ItemNew {
			reason = "new package that it depends on"
		}
		items = append(items, object{{key: "package", value: it.Package}, {key: "arch", value: it.Arch}, {key: "from", value: it.From}, {key: "to", value: it.To}, {key: "size", value: it.Size},
			{key: "reason", value: reason}, {key: "update", value: string(it.Update)}})
	}
	o := object{{key: "number", title: "Plan", value: plan.Number}, {key: "issued", title: "Issued", value: plan.Issued}, {key: "expires", title: "Expires", value: plan.Expires},
		{key: "updates", value: updates}, {key: "items", value: items}}
	if !a.flags.json && !a.flags.csv && len(updates) == 0 {
		fmt.Fprintln(a.s.Out, "Nothing is planned. Ask for decisions with: fettle agent check-in")
		return nil
	}
	if err := a.writeObject(o); err != nil || a.flags.json || a.flags.csv {
		return err
	}
	a.heading("Updates:")
	hidden := ""
	if !slices.ContainsFunc(plan.Updates, func(u model.PlannedUpdate) bool { return !strings.Contains(at[u.Update].Reason, u.Refused) }) {
		hidden = "refused" // the reason says it
	}
	if err := a.writeList(a.tableOf(updates, hidden), ""); err != nil || len(items) == 0 {
		return err
	}
	a.heading("Packages:")
	return a.writeList(a.tableOf(items, "update"), "")
}
