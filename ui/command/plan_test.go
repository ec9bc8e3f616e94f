package command

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"fettle/model"
	"fettle/store"
	"fettle/ui/remote"
)

// What each command does, as the contract of --plan sees it.
const (
	looks   = "looks"   // changes nothing that administrators decide, and no facts
	decides = "decides" // a change with a journal entry: --plan, --yes and --remark
	acts    = "acts"    // changes something else, without asking: --plan
	brings  = "brings"  // facts, after asking: --plan and --yes
)

// commandKinds holds every command; plan is the rest of a command line whose
// plan can be made in the world of plannable, for those that change something.
var commandKinds = map[string]struct{ kind, plan string }{
	"": {looks, ""}, "setup": {looks, ""}, "setup status": {looks, ""}, "setup computers": {decides, "--this-computer"}, "setup updates": {decides, ""},
	"config": {looks, ""}, "config check": {looks, ""}, "config show": {looks, ""},
	"updates": {looks, ""}, "update": {looks, ""}, "computers": {looks, ""}, "open": {looks, ""}, "computer": {looks, ""}, "groups": {looks, ""}, "deployments": {looks, ""}, "deployment": {looks, ""},
	"triage": {looks, ""}, "rules": {looks, ""}, "pending": {looks, ""}, "explain": {looks, ""}, "agenda": {looks, ""}, "report": {looks, ""}, "reports": {looks, ""}, "journal": {looks, ""}, "journal verify": {looks, ""},
	"approve": {decides, "package:tzdata|--group|All Computers"}, "decline": {decides, "package:tzdata"}, "later": {decides, "package:tzdata"}, "reinstate": {decides, "package:evil"}, "undo": {decides, ""},
	"rule": {looks, ""}, "rule add": {decides, "New|--group|All Computers"}, "rule set": {decides, "Old|--deadline|3d"}, "rule enable": {decides, "Old"}, "rule disable": {decides, "On"}, "rule remove": {decides, "Old"}, "rule run": {decides, "Old"},
	"computer accept": {decides, "asks"}, "computer reject": {decides, "asks"}, "computer move": {decides, "web1|--from|Web|--to|Sites"},
	"group": {looks, ""}, "group add": {decides, "New"}, "group set": {decides, "Web|--dynamic|name:web*"}, "group formula": {decides, "Web|name:web*"}, "group rename": {decides, "Web|Net"}, "group move": {decides, "Web|Sites"},
	"group remove": {decides, "Web"}, "group join": {decides, "Web|desk1"}, "group leave": {decides, "Web|web1"}, "group exclude": {decides, "Web|web1"}, "group include": {decides, "Web|desk1"},
	"policy": {decides, "All Computers|--mode|notify"}, "options": {decides, "--revisions|keep"}, "accept-licence": {decides, "package:sql"}, "acknowledge": {decides, "package:alarmed"},
	"consent": {decides, "1"}, "reject": {decides, "1"}, "cleanup": {looks, ""}, "cleanup run": {decides, ""},
	"products": {looks, ""}, "products select": {decides, "Debian 12 (bookworm)"}, "products deselect": {decides, "drivers"}, "products all": {decides, ""}, "products acknowledge": {decides, ""},
	"import": {brings, "WORK/carried.cab"}, "export": {acts, "out.cab"},
	"sync": {acts, ""}, "sync status": {looks, ""}, "sync history": {looks, ""}, "sync cancel": {acts, ""},
	"agent": {looks, ""}, "agent check-in": {acts, ""}, "agent install": {acts, ""}, "agent run": {looks, ""}, "agent status": {looks, ""}, "agent plan": {looks, ""},
	"backup": {looks, ""}, "restore": {acts, "-"}, "check": {looks, ""},
	"version": {looks, ""}, "man": {looks, ""}, "glossary": {looks, ""}, "help": {looks, ""}, "files": {looks, ""}, "query": {looks, ""}, "completion": {looks, ""},
}

// plannable makes a world in which every plan of commandKinds can be made.
func plannable(ctx context.Context, s *story) error {
	if err := s.populate(); err != nil {
		return err
	}
	for _, args := range [][]string{{"sql/1.0", "security", "licence=terms"}, {"alarmed/1.0", "security"}} {
		if err := s.offer(args); err != nil {
			return err
		}
	}
	by := model.Actor{Who: "ann", From: model.FromCommand, Role: model.AccessAdministrator}
	err := s.with(func(ctx context.Context, st *store.Store) error {
		number := func(word string) []uint32 { return []uint32{st.Snapshot().RowByID(storyID(word)).Number} }
		for _, c := range []model.Change{
			{Kind: model.ChangeDecline, Updates: number("evil/1.0")},
			{Kind: model.ChangeApprove, Updates: number("alarmed/1.0"), Groups: []model.GroupAction{{Group: model.GroupAll, Action: model.ActionInstall}}},
			{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "Old", Groups: []model.GroupID{model.GroupAll}}},
			{Kind: model.ChangeRuleAdd, Automatic: &model.Rule{Name: "On", Enabled: true, Groups: []model.GroupID{model.GroupAll}}},
			{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Sites", Parent: model.GroupAll}},
			{Kind: model.ChangeGroupAdd, Group: &model.Group{Name: "Web", Parent: model.GroupAll}, Computers: []uint32{1}},
		} {
			if _, err := st.Make(ctx, c, by); err != nil {
				return err
			}
		}
		web := st.Snapshot().Groups().ByName("Web").ID
		for _, c := range []model.Change{
			{Kind: model.ChangeExclude, Group: &model.Group{ID: web}, Computers: []uint32{2}},
			{Kind: model.ChangeOptions, Options: &model.Options{Consent: model.ConsentOptions{AllComputers: true}}},
		} {
			if _, err := st.Make(ctx, c, by); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = s.offer([]string{"alarmed/1.0", "security", "package=more"})
	}
	if err == nil {
		err = s.colleague([]string{"tzdata/2026a-1", "All Computers"})
	}
	if err == nil {
		err = errors.Join(s.carry([]string{"carried.cab", "1"}), os.WriteFile(filepath.Join(s.work, "config.toml"), []byte("[import]\nunsigned = true\n"), 0o600))
	}
	if err == nil { // a candidate for cleanup
		err = s.checkin([]string{"old", "ago=1000h"})
	}
	if err == nil {
		err = s.checkin([]string{"asks", "admission=waiting"})
	}
	return err
}

// TestEveryChangeHasAPlan walks the whole tree of commands: whatever changes
// something has --plan, a change that is asked for has --yes and --remark too,
// and a plan changes nothing.
func TestEveryChangeHasAPlan(t *testing.T) {
	s := &story{t: t, work: t.TempDir(), bodies: map[string]string{}}
	s.dir = s.work
	if err := plannable(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if err := s.hold(); err != nil {
		t.Fatal(err)
	}
	defer s.release()
	a, _, _ := session("")
	root := a.tree()
	seen := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := strings.TrimPrefix(strings.TrimPrefix(c.CommandPath(), "fettle"), " ")
		seen[path] = true
		is, known := commandKinds[path]
		if !known {
			t.Errorf("fettle %s: say in commandKinds whether it changes something", path)
		}
		for _, flag := range []string{"plan", "yes", "remark"} {
			want := is.kind == decides || is.kind == acts && flag == "plan" || is.kind == brings && flag != "remark"
			if (c.Flags().Lookup(flag) != nil) != want {
				t.Errorf("fettle %s has --%s: %v", path, flag, !want)
			}
		}
		if is.kind != looks && path != "setup updates" && path != "setup computers" && path != "sync" { // these look at the real apt
			t.Run(strings.ReplaceAll(path, " ", "-"), func(t *testing.T) { planChangesNothing(t, s, path, is.plan) })
		}
		if path == "completion" {
			return // cobra's own
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for path := range commandKinds {
		if !seen[path] {
			t.Errorf("there is no command fettle %s", path)
		}
	}
}

// planChangesNothing makes a plan and compares the store before and after.
func planChangesNothing(t *testing.T, s *story, path, rest string) {
	args := strings.Fields(path)
	if rest != "" {
		args = append(args, strings.Split(strings.ReplaceAll(rest, "WORK", s.work), "|")...)
	}
	st := s.held.store
	for _, form := range [][]string{nil, {"--json"}} {
		before := st.Snapshot()
		head, _ := before.Journal()
		var out, errs bytes.Buffer
		there := &remote.Session{Args: append(append(args[:len(args):len(args)], "--plan", "--data", filepath.Join(s.work, "elsewhere")), form...), In: strings.NewReader(""), Out: &out, Err: &errs,
			Env: map[string]string{"HOME": s.work}, Actor: model.Actor{Who: "bob", From: model.FromCommand, Role: model.AccessAdministrator}}
		if code := run(t.Context(), there, s.held); code != 0 {
			t.Fatalf("fettle %v: exit %d\n%s%s", there.Args, code, &out, &errs)
		}
		if out.Len() == 0 {
			t.Errorf("fettle %v says nothing", there.Args)
		}
		after := st.Snapshot()
		if now, _ := after.Journal(); now != head || after.Seq() != before.Seq() {
			t.Errorf("fettle %v changed the store: entry %d became %d, sequence %d became %d", there.Args, head, now, before.Seq(), after.Seq())
		}
	}
}
