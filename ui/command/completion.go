package command

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/model/query"
	"fettle/ui/console"
	"fettle/ui/remote"
	"fettle/ui/report"
)

// completing says whether a shell asks for completions.
func completing(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// completeWithStore answers a shell with the store at hand, so that names can be
// offered; done is false when there is none to be had, which makes no noise: the
// words of commands and flags are offered anyway.
func (a *app) completeWithStore(ctx context.Context) (status int, done bool) {
	a.flags.data = flagValue(a.s.Args, "--data")
	a.flags.config = flagValue(a.s.Args, "--config")
	a.flags.readOnly = true
	if a.configure() != nil {
		return 0, false
	}
	client, dir, err := a.attach(ctx)
	if client != nil {
		defer client.Close()
		status, err := client.Run(ctx, a.s)
		return status, err == nil && status != remote.StatusLeaving
	}
	if err != nil || dir == "" {
		return 0, false
	}
	if _, err := os.Stat(filepath.Join(dir, "store")); err != nil {
		return 0, false // a completion makes no store
	}
	h, err := a.open(dir)
	if err != nil {
		return 0, false
	}
	if h.store.WaitLoaded(ctx) == nil {
		status, done = run(ctx, a.s, h), true
	}
	return status, h.close(ctx, a.say) == nil && done
}

// flagValue finds the value of a flag in a command line that is not complete
// yet.
func flagValue(args []string, name string) string {
	for i, word := range args {
		if value, ok := strings.CutPrefix(word, name+"="); ok {
			return value
		}
		if word == name && i+1 < len(args)-1 { // the last word is being typed
			return args[i+1]
		}
	}
	return ""
}

// complete gives commands what completes their arguments and flags.
func (a *app) complete(root *cobra.Command) {
	find := func(words ...string) *cobra.Command {
		c, _, err := root.Find(words)
		if err != nil {
			return &cobra.Command{}
		}
		return c
	}
	updates := a.completeQuery(query.OnUpdates)
	for _, name := range []string{"updates", "update", "approve", "decline", "later", "reinstate", "accept-licence", "acknowledge"} {
		find(name).ValidArgsFunction = updates
	}
	find("computers").ValidArgsFunction = a.completeQuery(query.OnComputers)
	find("journal").ValidArgsFunction = a.completeQuery(query.OnEntries)
	groups := func(h *host) []string { return h.store.Snapshot().Groups().Names() }
	computers := func(h *host) []string {
		var names []string
		for _, c := range h.store.Snapshot().Computers() {
			names = append(names, c.Name)
		}
		return names
	}
	find("computer").ValidArgsFunction = a.offer(computers)
	for _, name := range []string{"accept", "reject", "move"} {
		find("computer", name).ValidArgsFunction = a.offer(computers)
	}
	find("explain").ValidArgsFunction = a.offer(computers)
	find("policy").ValidArgsFunction = a.offer(groups)
	find("group").ValidArgsFunction = a.offer(groups)
	find("group", "rename").ValidArgsFunction = a.offer(groups)
	find("group", "remove").ValidArgsFunction = a.offer(groups)
	find("group", "formula").ValidArgsFunction = a.offer(groups)
	find("group", "set").ValidArgsFunction = a.offer(groups)
	find("group", "move").ValidArgsFunction = a.offer(groups, groups)
	for _, name := range []string{"join", "leave", "exclude", "include"} {
		find("group", name).ValidArgsFunction = a.offer(groups, computers)
	}
	rules := func(h *host) []string {
		var names []string
		for _, r := range h.store.Snapshot().Rules() {
			names = append(names, r.Name+"\t"+ruleState(r))
		}
		return names
	}
	find("rule").ValidArgsFunction = a.offer(rules)
	for _, name := range []string{"set", "enable", "disable", "remove", "run"} {
		find("rule", name).ValidArgsFunction = a.offer(rules)
	}
	proposals := func(h *host) []string {
		var ids []string
		for _, p := range h.store.Snapshot().Proposals() {
			ids = append(ids, strconv.FormatUint(p.ID, 10)+"\t"+model.Clean(p.Summary))
		}
		return ids
	}
	find("consent").ValidArgsFunction, find("reject").ValidArgsFunction = a.offer(proposals), a.offer(proposals)
	find("deployment").ValidArgsFunction = a.offer(func(h *host) []string {
		var ids []string
		for _, d := range h.store.Snapshot().Deployments() {
			ids = append(ids, strconv.FormatUint(d.ID, 10)+"\t"+model.Clean(d.Name))
		}
		return ids
	})
	find("report").ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			def, err := report.Find(args[0])
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			on := query.OnUpdates
			if def.Query == report.OnComputers {
				on = query.OnComputers
			}
			return a.completeQuery(on)(cmd, args[1:], typed)
		}
		var names []string
		for _, d := range report.Definitions() {
			if strings.HasPrefix(d.Name, typed) {
				names = append(names, d.Name+"\t"+d.Answers)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	flag := func(c *cobra.Command, name string, f cobra.CompletionFunc) {
		if c.Flags().Lookup(name) == nil {
			return
		}
		if err := c.RegisterFlagCompletionFunc(name, f); err != nil {
			panic(err) // the flag exists: a test run would show it
		}
	}
	fixed := func(words ...string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	upstreams := a.offerFlag(func(h *host) []string {
		var names []string
		for _, u := range h.store.Snapshot().Upstreams() {
			names = append(names, u.Name)
		}
		return names
	})
	products := func(h *host) []string {
		snap := h.store.Snapshot()
		tree, all := snap.CategoryTree(), snap.Categories()
		named := map[string]int{}
		for _, c := range all {
			named[strings.ToLower(c.Title)]++
		}
		var names []string
		for _, c := range all {
			name, path := model.Clean(c.Title), tree.Path(c.ID)
			if named[strings.ToLower(c.Title)] > 1 && len(path) > 1 { // names repeat
				name = model.Clean(path[len(path)-2]) + pathSeparator + name
			}
			names = append(names, name+"\t"+categoryPath(tree, c.ID))
		}
		return names
	}
	find("open").ValidArgsFunction = a.offer(computers)
	flag(root, "view", fixed(console.Screens()...))
	flag(root, "filter", updates)
	flag(find("approve"), "group", a.offerFlag(groups))
	flag(find("approve"), "action", fixed("install", "uninstall", "none", "inherit"))
	flag(find("approve"), "deadline", fixed("now", "7d", "14d"))
	flag(find("report"), "group", a.offerFlag(groups))
	flag(find("report"), "base", fixed("all", "approved"))
	flag(find("group", "add"), "parent", a.offerFlag(groups))
	flag(find("group", "add"), "dynamic", a.completeQuery(query.OnComputers))
	flag(find("computer", "move"), "from", a.offerFlag(groups))
	flag(find("computer", "move"), "to", a.offerFlag(groups))
	flag(find("group", "add"), "needing", updates)
	flag(find("group", "set"), "dynamic", a.completeQuery(query.OnComputers))
	for _, name := range []string{"add", "set"} {
		flag(find("rule", name), "group", a.offerFlag(groups))
		flag(find("rule", name), "products", updates)
		flag(find("rule", name), "classifications", fixed(classWords(model.Classifications())...))
		flag(find("rule", name), "deadline", fixed("0d@03:00", "7d@03:00", "14d@03:00", "none"))
	}
	jobs := func(*host) []string {
		var all []string
		for _, j := range model.CleanupJobs() {
			all = append(all, string(j.Job)+"\t"+j.Does)
		}
		return all
	}
	find("cleanup", "run").ValidArgsFunction = func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return fixedNames(jobs(nil), typed), cobra.ShellCompDirectiveNoFileComp
	}
	flag(find("cleanup"), "job", func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return fixedNames(jobs(nil), typed), cobra.ShellCompDirectiveNoFileComp
	})
	flag(find("agenda"), "group", a.offerFlag(groups))
	flag(find("options"), "consent", fixed("all-computers", "removals", "rules", "none"))
	flag(find("options"), "targeting", fixed("server", "client"))
	flag(find("options"), "revisions", fixed("move", "keep"))
	flag(find("options"), "expired", fixed("decline", "keep"))
	flag(find("policy"), "mode", fixed("scheduled", "download", "notify", "disabled", "inherit"))
	flag(find("policy"), "restart", fixed("never", "idle", "inherit"))
	flag(find("sync"), "upstream", upstreams)
	flag(find("setup", "updates"), "upstream", fixed("debian=apt", "wsusscn2=/", "wsusexport=/"))
	flag(find("import"), "upstream", upstreams)
	flag(find("setup", "updates"), "categories", a.offerFlag(products))
	find("products", "select").ValidArgsFunction, find("products", "deselect").ValidArgsFunction = a.offerAll(products), a.offerAll(products)
	flag(find("update"), "document", a.offerFlag(func(*host) []string {
		return []string{"document\tas its vendor published it", "core\twhat decides whether it applies", "extended\twhat installing it needs", "text/en\ttitle and description in a language", "eula/en\tlicence terms in a language"}
	}))
}

// fixedNames gives the names that begin with what was typed, of a list that
// needs no store.
func fixedNames(list []string, typed string) []string {
	return slices.DeleteFunc(list, func(n string) bool { return !strings.HasPrefix(n, typed) })
}

// offer completes arguments with names from the store: each list serves one
// argument, the last all that follow.
func (a *app) offer(lists ...func(*host) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if len(lists) == 1 && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return a.matching(lists[min(len(args), len(lists)-1)], typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// offerAll completes each of several arguments with names from the store.
func (a *app) offerAll(names func(*host) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.matching(names, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// offerFlag completes the value of a flag with names from the store.
func (a *app) offerFlag(list func(*host) []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.matching(list, typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// matching gives the names that begin with what was typed.
func (a *app) matching(list func(*host) []string, typed string) []string {
	if a.host == nil {
		return nil
	}
	var names []string
	for _, n := range list(a.host) {
		if strings.HasPrefix(strings.ToLower(n), strings.ToLower(typed)) {
			name, meaning, explained := strings.Cut(n, "\t")
			if explained {
				meaning = "\t" + model.Clean(meaning)
			}
			names = append(names, model.Clean(name)+meaning)
		}
	}
	return names
}

// completeQuery completes the last word of a query.
func (a *app) completeQuery(on query.Subject) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		var world query.World
		if a.host != nil {
			world = a.host.store.Snapshot()
		}
		head := typed[:query.WordStart(on, typed)]
		var out []string
		for _, s := range query.Complete(on, typed, world) {
			out = append(out, head+model.Clean(s.Text)+"\t"+model.Clean(s.Meaning))
		}
		return out, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}
