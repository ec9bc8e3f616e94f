package agent

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/BurntSushi/toml"

	"fettle/model"
	"fettle/sync/agent/protocol"
)

// LocalPolicy is the computer's own file. Its policy can only make the server's
// stricter (design 7).
type LocalPolicy struct {
	Policy model.Policy
	Users  []string // who may run `fettle agent install` besides root
	Groups []string // names of the groups that the computer asks for; the server decides whether that counts
}

// policyKeys are the settings of the file.
var policyKeys = []string{"mode", "install-at", "restart", "users", "groups"}

// ParseLocalPolicy reads the text of an agent.toml:
//
//	mode = "notify"               # scheduled, download, notify or disabled
//	install-at = "sat@03:00"      # replaces the server's time
//	restart = "never"             # never, idle, or a time such as "sun@04:00"
//	users = ["alice"]             # may install without being root
//	groups = ["Servers", "Lab"]   # asked for, where the server lets computers name their groups
func ParseLocalPolicy(text string) (LocalPolicy, error) {
	var raw struct {
		Mode      string   `toml:"mode"`
		InstallAt string   `toml:"install-at"`
		Restart   string   `toml:"restart"`
		Users     []string `toml:"users"`
		Groups    []string `toml:"groups"`
	}
	var p LocalPolicy
	meta, err := toml.Decode(text, &raw)
	if err != nil {
		return p, err // it names line and key
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return p, fmt.Errorf("%q is not a setting; there are %s", model.Clean(unknown[0].String()), strings.Join(policyKeys, ", "))
	}
	if raw.Mode != "" {
		mode, ok := model.ParseMode(raw.Mode)
		if !ok {
			return p, fmt.Errorf("mode %q is not one; use scheduled, download, notify or disabled", model.Clean(raw.Mode))
		}
		p.Policy.Mode = mode
	}
	if raw.InstallAt != "" {
		at, err := model.ParseWeekTime(raw.InstallAt)
		if err != nil {
			return p, fmt.Errorf("install-at: %w", err)
		}
		p.Policy.Install = &at
	}
	switch raw.Restart {
	case "":
	case "never":
		p.Policy.Restart = model.RestartNo
	case "idle":
		p.Policy.Restart = model.RestartIdle
	default:
		at, err := model.ParseWeekTime(raw.Restart)
		if err != nil {
			return p, fmt.Errorf("restart is never, idle or a time: %w", err)
		}
		p.Policy.Restart, p.Policy.RestartAt = model.RestartAt, &at
	}
	if p.Groups = protocol.GroupNames(raw.Groups); len(p.Groups) < len(raw.Groups) {
		return p, fmt.Errorf("groups: there may be %d different names, none empty and none longer than %d characters", protocol.MaxGroups, protocol.MaxGroupName)
	}
	p.Users = raw.Users
	return p, nil
}

// localPolicy reads the computer's own file. One that cannot be read disables
// installing, because it might forbid it; the error says why.
func (a *Agent) localPolicy() (LocalPolicy, error) {
	if a.o.PolicyFile == "-" {
		return LocalPolicy{}, nil
	}
	b, err := os.ReadFile(a.o.PolicyFile)
	if errors.Is(err, os.ErrNotExist) {
		return LocalPolicy{}, nil
	}
	var p LocalPolicy
	if err == nil {
		p, err = ParseLocalPolicy(string(b))
	}
	if err != nil {
		return LocalPolicy{Policy: model.Policy{Mode: model.ModeDisabled, Restart: model.RestartNo}},
			fmt.Errorf("reading %s, nothing is installed until it is corrected: %w", a.o.PolicyFile, err)
	}
	return p, nil
}

// obey gives the policy that holds here: the server's, made stricter. A time
// alone in the computer's file stands for the mode that the server set.
func obey(server model.Policy, local LocalPolicy) model.Policy {
	if local.Policy.Mode == model.ModeUnset && local.Policy.Install != nil {
		local.Policy.Mode = server.Mode
	}
	return server.Stricter(local.Policy)
}

// MayInstall says whether a user may start an installation: root may, and whom
// the computer's own file names.
func (a *Agent) MayInstall(user string) error {
	local, err := a.localPolicy()
	if err != nil {
		return err
	}
	if user == "root" {
		return nil
	}
	for _, u := range local.Users {
		if u == user {
			return nil
		}
	}
	return &model.Refusal{Code: "role", What: "user " + model.Clean(user) + " may not install updates on this computer",
		Why: "only root and the users named in " + a.o.PolicyFile + " may", Remedy: "sudo fettle agent install"}
}
