// Package keys is the key map of the console as data.
//
// One record per action says on which keys it is, what it does in a word and in
// a sentence, in which panes it can be used, whether it changes something, and
// whether the hints line shows it. The hints line, the help, the palette,
// docs/keys.md and the check for conflicts are all made from these records, so
// that they cannot disagree (terminal section 6.5).
//
// Settings may put an action on other keys (Rebind). A key that two actions of
// one pane share, or an action or key that does not exist, is an error that
// names both: it is found at start, not when the key is pressed.
package keys

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
)

// Action names what a key does. Settings and the palette use these names.
type Action string

// Scope names the panes in which a binding can be used.
type Scope string

// The scopes. Global bindings can be used in every pane that is not a dialog,
// List ones in every list, Scroll ones in every text.
const (
	Global      Scope = "global"
	List        Scope = "list"
	Scroll      Scope = "text"
	Overview    Scope = "overview"
	Updates     Scope = "updates"
	Update      Scope = "update"
	Computers   Scope = "computers"
	Computer    Scope = "computer"
	Groups      Scope = "groups"
	Deployments Scope = "deployments"
	Sync        Scope = "synchronization"
	Reports     Scope = "reports"
	Journal     Scope = "journal"
	Settings    Scope = "settings"
	Approve     Scope = "approve"
	Confirm     Scope = "confirm"
	Form        Scope = "wizard"
	Menu        Scope = "menu"
	ColumnList  Scope = "columns"
	Notice      Scope = "notice"
	Help        Scope = "help"

	Rules           Scope = "rules"
	Rule            Scope = "rule"
	Group           Scope = "group"
	UpdateComputers Scope = "update-computers"
	Deployment      Scope = "deployment"
	Agenda          Scope = "agenda"
	Pending         Scope = "pending"
	Proposal        Scope = "proposal"
	Cleanup         Scope = "cleanup"
	CleanupJob      Scope = "cleanup-job"
	Products        Scope = "products"
	FormProducts    Scope = "wizard-products"
	Inspection      Scope = "inspection"
	Run             Scope = "run"
	Triage          Scope = "triage"
	Target          Scope = "target"
	Report          Scope = "report"
	ComputerPolicy  Scope = "computer-policy"
	PastReportList  Scope = "computer-reports"
	PastReport      Scope = "computer-report"
	GroupApprovals  Scope = "group-approvals"
	GroupMembers    Scope = "group-members"
	Explanation     Scope = "explanation"
	LogScope        Scope = "log"
	Upstreams       Scope = "upstreams"
	Upstream        Scope = "upstream"
)

// Binding is one action with everything that is said of it.
type Binding struct {
	Action    Action
	Keys      []string
	Short     string // in the hints line
	Long      string // in the help and in docs/keys.md: a sentence without a full stop
	Scopes    []Scope
	Hint      int  // rank in the hints line, 1 first; 0 = not shown there
	Dangerous bool // changes something: refused in a read-only session
}

// In says whether the binding can be used in a scope.
func (b *Binding) In(s Scope) bool { return slices.Contains(b.Scopes, s) }

// Label is the first key as it is shown.
func (b *Binding) Label() string {
	if len(b.Keys) == 0 {
		return ""
	}
	return Label(b.Keys[0])
}

// Labels are all keys as they are shown.
func (b *Binding) Labels() string {
	all := make([]string, len(b.Keys))
	for i, k := range b.Keys {
		all[i] = Label(k)
	}
	return strings.Join(all, " ")
}

// Label is a key as it is shown: "Enter" for "enter", "^D" for "ctrl+d".
func Label(key string) string {
	switch key {
	case "up", "down", "left", "right", "home", "end", "enter", "esc", "tab", "space", "backspace", "delete", "insert":
		return strings.ToUpper(key[:1]) + key[1:]
	case "pgup":
		return "PgUp"
	case "pgdown":
		return "PgDn"
	case "shift+tab":
		return "S-Tab"
	}
	if rest, ok := strings.CutPrefix(key, "ctrl+"); ok {
		return "^" + strings.ToUpper(rest)
	}
	return key
}

// Name is the name of the key of a message: Bubble Tea's, but "space" for the
// blank, which settings could not show otherwise.
func Name(k tea.KeyMsg) string {
	if s := k.String(); s != " " {
		return s
	}
	return "space"
}

// Map is a key map, by default or rebound. It is immutable.
type Map struct {
	all     []Binding
	byScope map[Scope]map[string]*Binding
}

// inherits lists every scope that a pane can have, with the ones that come along.
var inherits = map[Scope][]Scope{
	Overview: {Global}, Updates: {List, Global}, Update: {Scroll, Global}, Computers: {List, Global}, Computer: {List, Global},
	Groups: {List, Global}, Deployments: {List, Global}, Sync: {List, Global}, Reports: {List, Global}, Journal: {List, Global}, Settings: {List, Global},
	Rules: {List, Global}, Rule: {Scroll, Global}, Group: {List, Global}, UpdateComputers: {List, Global}, Deployment: {Scroll, Global}, Agenda: {Scroll, Global},
	Pending: {List, Global}, Proposal: {Scroll, Global}, Cleanup: {List, Global}, CleanupJob: {List, Global},
	Products: {Global}, FormProducts: {}, Inspection: {Scroll, Global}, Run: {Scroll, Global}, Report: {Scroll, Global},
	ComputerPolicy: {List, Global}, PastReportList: {List, Global}, PastReport: {Scroll, Global}, GroupApprovals: {List, Global}, GroupMembers: {Group, List, Global}, Explanation: {Scroll, Global},
	LogScope: {List, Global},
	Scroll:   {Global}, List: {Global}, Approve: {}, Confirm: {}, Form: {}, Menu: {}, Notice: {}, Help: {},
	Upstreams: {List, Global}, Upstream: {Scroll, Global},
	ColumnList: {},
	Triage:     {List, Global}, Target: {},
}

// Chain gives a pane's scope and those that come along, the nearest first.
func Chain(s Scope) []Scope { return append([]Scope{s}, inherits[s]...) }

// New makes a key map from the built-in bindings and the settings' keys: from
// an action's name to its keys. An empty list takes the action off the keyboard.
func New(rebind map[string][]string) (*Map, error) {
	m := &Map{all: slices.Clone(builtin)}
	for _, name := range slices.Sorted(maps.Keys(rebind)) {
		i := slices.IndexFunc(m.all, func(b Binding) bool { return string(b.Action) == name })
		if i < 0 {
			return nil, fmt.Errorf("keys: there is no action %q%s", name, nearest(name))
		}
		if m.all[i].Action == Quit && len(rebind[name]) == 0 {
			return nil, fmt.Errorf("keys: the action %q must have a key", name)
		}
		for _, k := range rebind[name] {
			if !known(k) {
				return nil, fmt.Errorf("keys: %q is not a key (action %q); keys are single characters, enter, esc, tab, space, up, f1, ctrl+a and so on", k, name)
			}
		}
		m.all[i].Keys = rebind[name]
	}
	return m, m.index()
}

// index builds the look-up and finds conflicts: a key means one thing wherever
// it can be pressed, so that no pane takes one from a wider scope.
func (m *Map) index() error {
	m.byScope = map[Scope]map[string]*Binding{}
	for _, s := range slices.Sorted(maps.Keys(inherits)) {
		keys := map[string]*Binding{}
		for _, scope := range Chain(s) {
			for i := range m.all {
				b := &m.all[i]
				if !b.In(scope) {
					continue
				}
				for _, k := range b.Keys {
					other := keys[k]
					if other != nil && other != b {
						return fmt.Errorf("keys: %q is bound to both %q and %q in %s", k, other.Action, b.Action, s)
					}
					keys[k] = b
				}
			}
		}
		m.byScope[s] = keys
	}
	return nil
}

// Find gives the binding of a key in a pane of a scope, or nil.
func (m *Map) Find(s Scope, key string) *Binding { return m.byScope[s][key] }

// Action gives the binding of an action, or nil.
func (m *Map) Action(a Action) *Binding {
	for i := range m.all {
		if m.all[i].Action == a {
			return &m.all[i]
		}
	}
	return nil
}

// For gives the bindings of exactly one scope, in their order.
func (m *Map) For(s Scope) []*Binding {
	var out []*Binding
	for i := range m.all {
		if m.all[i].In(s) {
			out = append(out, &m.all[i])
		}
	}
	return out
}

// Hints gives the bindings that the hints line of a pane shows, the most useful
// first; of equal ones the pane's own before those that come along.
func (m *Map) Hints(s Scope) []*Binding {
	var out []*Binding
	for _, scope := range Chain(s) {
		for _, b := range m.For(scope) {
			if b.Hint > 0 && len(b.Keys) > 0 && !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Binding) int { return cmp.Compare(a.Hint, b.Hint) })
	return out
}

// known says whether a name is that of a key that can arrive. Alt is left out:
// Escape followed by a letter arrives as that (terminal finding 2).
func known(k string) bool {
	if len([]rune(k)) == 1 {
		return k != " "
	}
	switch k {
	case "up", "down", "left", "right", "home", "end", "pgup", "pgdown", "enter", "esc", "tab", "shift+tab", "space", "backspace", "delete", "insert",
		"shift+up", "shift+down", "shift+left", "shift+right", "ctrl+up", "ctrl+down", "ctrl+left", "ctrl+right", "ctrl+home", "ctrl+end":
		return true
	}
	if rest, ok := strings.CutPrefix(k, "ctrl+"); ok {
		// i and m are Tab and Enter themselves; s and q stop and start the output
		// of serial lines.
		return len(rest) == 1 && rest[0] >= 'a' && rest[0] <= 'z' && !strings.Contains("imsq", rest)
	}
	if rest, ok := strings.CutPrefix(k, "f"); ok {
		return slices.Contains([]string{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}, rest)
	}
	return false
}

// nearest suggests an action for a name that is none.
func nearest(name string) string {
	best, most := "", 1
	for _, b := range builtin {
		n := 0
		for n < min(len(name), len(b.Action)) && name[n] == b.Action[n] {
			n++
		}
		if n > most {
			best, most = string(b.Action), n
		}
	}
	if best == "" {
		return "; docs/keys.md lists them"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}
