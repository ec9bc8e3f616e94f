package config

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// Setting is one key of config.toml with everything that is said of it.
// config.example.toml, `fettle config show` and the console's settings are made
// from the same table, so that they cannot differ.
type Setting struct {
	Section string // "data"
	Key     string // "directory"
	Meaning string // sentences for people
	Value   string // in force, as TOML
	Default string // as TOML
	From    Origin
	Reloads bool // :reload in the console takes it up; others want a restart
}

// Name is the key with its section.
func (s Setting) Name() string { return s.Section + "." + s.Key }

// Origin says where the value of a setting comes from.
type Origin string

// The origins.
const (
	FromDefault Origin = "default"
	FromFile    Origin = "file"
	FromFlag    Origin = "flag"        // of the command line
	FromEnv     Origin = "environment" // a variable
)

// Section is a part of config.toml.
type Section struct{ Name, Title string }

// Sections lists the parts in the order of the file.
func Sections() []Section { return sections }

var sections = []Section{
	{"data", "where things are kept"},
	{"log", "what is logged, and where"},
	{"limits", "what the process uses"},
	{"sync", "how synchronizations run"},
	{"import", "what is taken in of files that were carried here"},
	{"agent", "how this computer is managed"},
	{"apt", "which apt is asked"},
	{"ui", "how the screen looks"},
	{"keys", "keys of the console"},
	{"view", "saved filters"},
}

// described is the table: every key with its meaning, in the order of the file.
var described = []struct{ section, key, meaning string }{
	{"data", "directory", "The data directory. Empty: $FETTLE_DATA, else /var/lib/fettle for root or when a server there answers, else $XDG_STATE_HOME/fettle (~/.local/state/fettle). --data goes before this."},
	{"data", "keys", `Directory of the keys that sign the journal and the plans. Empty: "keys" in the data directory. Put it on other storage than the data if you can.`},
	{"data", "socket", `The socket by which consoles and commands attach to the process that holds the store. Empty: "fettle.sock" in the data directory.`},
	{"log", "file", `Empty: "fettle.log" in the data directory. The screen is never logged to.`},
	{"log", "level", "debug, info, warn or error."},
	{"log", "size", "When the file is larger, it is put aside as FILE.old and a new one begun."},
	{"limits", "memory", `Memory that the process tries to stay below, such as "512MiB". 0: no limit.`},
	{"sync", "refresh_timeout", "How long refreshing this computer's package lists (apt-get update) may take."},
	{"import", "unsigned", "Files that are carried in (fettle import; the upstreams wsusscn2 and wsusexport) are taken in when a signer whom this computer trusts signed them, as Microsoft signs wsusscn2.cab. What wsusutil exports nobody signs: true takes in such files too. Then only their way here says that nobody changed them."},
	{"import", "roots", "The root certificates of signers who are trusted: the whole path of a file in PEM form. Empty: those of this computer (/etc/ssl/certs), which may lack Microsoft's roots."},
	{"import", "spool", "How much an import may bring on standard input (fettle import -), which is kept in the data directory meanwhile."},
	{"agent", "state", `Where the agent keeps its state. Empty: "agent" in the data directory.`},
	{"agent", "policy", `This computer's own file: a policy that may only be stricter than the server's, who may install (users), and the groups that the computer asks for (groups = ["Servers", "Lab"], where the server lets computers name them). Empty: /etc/fettle/agent.toml. "-": none.`},
	{"agent", "restart", "Whether the agent may restart this computer when the policy says so."},
	{"apt", "root", "The directory whose packages are managed. Empty: this computer itself."},
	{"apt", "options", `Further options of apt, each as it stands behind -o: "Name=value".`},
	{"apt", "dpkg", "Further options of dpkg, each beginning with --."},
	{"apt", "prefix", `What goes before every command of apt and dpkg, such as ["nice", "-n", "10"].`},
	{"ui", "theme", "dark, light, high-contrast, colour-blind or mono."},
	{"ui", "fps", "Frames per second at most. 10 suits slow lines."},
	{"ui", "ascii", "Draw with ASCII characters only."},
	{"ui", "plain", "The console and the answers of commands line by line, for screen readers and for terminals that cannot draw, as with --plain."},
	{"ui", "mouse", "Use the mouse. While it is used, text cannot be marked with it for copying."},
	{"ui", "page", "Scroll by half a page at the edge of a list, which sends fewer bytes than scrolling line by line."},
	{"ui", "read_only", "Change nothing, as with --read-only."},
	{"ui", "clipboard", `What y copies goes to the terminal's own clipboard by the sequence OSC 52, also over SSH. "off": it is only shown, to be marked with the mouse.`},
}

// opening is the head of config.example.toml.
const opening = "" +
	"# Configuration of Fettle: what a process needs in order to start, and how the\n" +
	"# screen looks. What administrators decide (upstreams, products, groups,\n" +
	"# policies, approvals) is in the store, not here.\n" +
	"#\n" +
	"# Every setting stands here with its default. No file at all is fine. The file\n" +
	"# is looked for at --config, then $FETTLE_CONFIG, then /etc/fettle/config.toml\n" +
	"# for root and $XDG_CONFIG_HOME/fettle/config.toml (~/.config/...) for others.\n" +
	"# `fettle config check` tells what is wrong with it, `fettle config show` what\n" +
	"# is in force.\n" +
	"\n"

// What stands below [keys], whose actions only the console knows, and how saved
// filters are written.
const (
	aboutKeys = "" +
		"# Keys of the console: action = list of keys. An action that is named here has\n" +
		"# these keys only; an empty list, or [\"<disabled>\"], takes its keys away. `?` in\n" +
		"# the console lists the actions. A key that two actions would share is refused.\n" +
		"# approve = [\"a\", \"+\"]\n"
	aboutViews = "" +
		"# Saved filters. Each stands in the console as a tab of its screen.\n" +
		"# [[view]]\n" +
		"# name = \"Critical, needed\"\n" +
		"# on = \"updates\"              # updates or computers\n" +
		"# filter = \"severity:critical needed:>0\"\n" +
		"# sort = \"-needed\"            # a column; \"-\" before it reverses\n" +
		"# columns = [\"title\", \"severity\", \"needed\", \"deadline\"]   # in their order; `o` in the console shows all\n"
)

// Settings lists every setting with its value in force, in the order of the
// file; then the keys and the saved filters that the file has.
func (c Config) Settings() []Setting {
	now, was := c.values(), Default().values()
	var all []Setting
	for _, d := range described {
		s := Setting{Section: d.section, Key: d.key, Meaning: d.meaning, From: FromDefault, Reloads: d.section == "ui" && d.key != "plain" && d.key != "read_only" && d.key != "fps"}
		s.Value, s.Default = now[s.Name()], was[s.Name()]
		if c.written[s.Name()] {
			s.From = FromFile
		}
		if o, ok := c.overrides[s.Name()]; ok {
			s.Value, s.From = o.value, o.from
		}
		all = append(all, s)
	}
	for _, action := range slices.Sorted(maps.Keys(c.Keys)) {
		all = append(all, Setting{Section: "keys", Key: action, Meaning: "The keys of the action " + action + "; an empty list takes its keys away.", Value: tomlList(c.Keys[action]), Default: "as the help (?) shows", From: FromFile, Reloads: true})
	}
	for _, v := range c.Views {
		on := v.On
		if on == "" {
			on = "updates"
		}
		all = append(all, Setting{Section: "view", Key: v.Name, Meaning: "A saved filter on " + on + ".", Value: v.Filter, Default: "none", From: FromFile, Reloads: true})
	}
	return all
}

// override is a value that something else than the file decides.
type override struct {
	value string
	from  Origin
}

// Override gives a copy that says that a setting's value comes from elsewhere:
// the command line, a variable. It only concerns what Settings tells.
func (c Config) Override(name, value string, from Origin) Config {
	o := map[string]override{}
	maps.Copy(o, c.overrides)
	o[name] = override{value, from}
	c.overrides = o
	return c
}

// OverriddenAs gives a copy whose settings are decided elsewhere where those of
// another configuration are: one that was read again under the same command line.
func (c Config) OverriddenAs(other Config) Config {
	c.overrides = other.overrides
	return c
}

// values gives the value of every key as TOML.
func (c Config) values() map[string]string {
	text, err := c.Text()
	if err != nil {
		return nil // a Config has nothing that cannot be written
	}
	all := map[string]string{}
	section := ""
	for l := range strings.Lines(text) {
		l = strings.TrimSpace(l)
		if strings.HasPrefix(l, "[") {
			if section = strings.Trim(l, "[]"); section == "keys" || section == "view" {
				break
			}
			continue
		}
		if k, v, ok := strings.Cut(l, " = "); ok && section != "" {
			all[section+"."+k] = v
		}
	}
	return all
}

func tomlList(list []string) string {
	quoted := make([]string, len(list))
	for i, s := range list {
		quoted[i] = strconv.Quote(s)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// Example is config.example.toml: every setting with its meaning and default.
func Example() string {
	return opening + write(Default(), false) + "\n" + aboutViews
}

// Annotated is the configuration in force as TOML, with the meaning of every
// setting and where its value comes from.
func (c Config) Annotated() (string, error) {
	var b strings.Builder
	b.WriteString(write(c, true))
	if err := toml.NewEncoder(&b).Encode(struct {
		Keys map[string][]string `toml:"keys,omitempty"`
	}{c.Keys}); err != nil {
		return "", fmt.Errorf("writing the keys: %w", err)
	}
	if len(c.Views) > 0 {
		b.WriteString("\n# Saved filters.\n")
		if err := toml.NewEncoder(&b).Encode(struct {
			Views []View `toml:"view"`
		}{c.Views}); err != nil {
			return "", fmt.Errorf("writing the saved filters: %w", err)
		}
	}
	return b.String(), nil
}

// meaningWidth is how wide the comments are.
const meaningWidth = 78

// write writes the sections with their comments.
func write(c Config, origins bool) string {
	var b strings.Builder
	section := ""
	for _, s := range c.Settings() {
		if s.Section == "keys" || s.Section == "view" {
			break
		}
		if s.Section != section {
			if section != "" {
				b.WriteString("\n")
			}
			section = s.Section
			fmt.Fprintf(&b, "[%s]\n", section)
		}
		for _, l := range comment(s.Meaning) {
			b.WriteString("# " + l + "\n")
		}
		fmt.Fprintf(&b, "%s = %s", s.Key, s.Value)
		if origins {
			fmt.Fprintf(&b, "  # %s", s.From)
		}
		b.WriteString("\n")
	}
	if !origins {
		b.WriteString("\n[keys]\n" + aboutKeys)
	} else if len(c.Keys) > 0 {
		b.WriteString("\n")
	}
	return b.String()
}

// comment breaks a text into lines.
func comment(text string) []string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len(line)+1+len(w) > meaningWidth {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return append(lines, line)
}
