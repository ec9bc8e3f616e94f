package console

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/store"
	"fettle/ui/config"
	"fettle/ui/console/keys"
	"fettle/ui/console/layout"
	"fettle/ui/console/table"
)

// settingsPane is the screen of settings: what administrators decided, which is in
// the store, and what config.toml says. Each has its meaning, and Enter opens
// what changes it, or says how it is changed.
type settingsPane struct {
	*tablePane[string]
	filter string
}

// settingRow is one row of the screen.
type settingRow struct{ id, part, name, value, open, meaning string }

func newSettings(c *Console) pane {
	p := newTablePane[string](c, "Settings", keys.Settings, "setting", "settings",
		table.Column{Title: "Part", Width: 9},
		table.Column{Title: "Setting", Width: 23},
		table.Column{Title: "Value", Width: 16, Flexible: true},
		table.Column{Title: "From, or Enter opens", Width: 36, Priority: 1},
	)
	s := &settingsPane{tablePane: p}
	p.above = func(w int) []string {
		id, _ := p.tab.Cursor()
		meaning, open, _ := strings.Cut(p.notes[id], hang)
		lines := layout.Wrap(model.Clean(meaning), w-2)
		for len(lines) < 2 { // the list must not move with the cursor
			lines = append(lines, "")
		}
		if len(lines) > 2 { // Enter shows it whole
			lines = []string{lines[0], lines[1] + " " + lines[2]}
		}
		lines = append(lines, open)
		for i := range lines {
			lines[i] = c.styles.Muted.Render(layout.Fit(" "+lines[i], w, c.styles.Glyphs.Tail))
		}
		if s.filter != "" {
			lines = append(lines, c.styles.Muted.Render(layout.Fit(" Filter: "+model.Clean(s.filter), w, c.styles.Glyphs.Tail)))
		}
		return lines
	}
	p.empty = []string{"No setting matches. / changes the filter, Esc shows all."}
	p.act = func(a keys.Action, _ string, _ bool) tea.Cmd {
		switch a {
		case keys.Filter:
			before := s.filter
			return c.ask(&prompt{label: "settings with:", change: s.Show, done: s.Show, cancel: func() tea.Cmd { return s.Show(before) }}, s.filter)
		case keys.ClearFilter:
			return s.Show("")
		}
		return nil
	}
	p.open = func(id string) tea.Cmd { return c.openSetting(id) }
	return s
}

// arm gives the reading in the background what it is of: it must not look at what
// the interface goroutine changes meanwhile.
func (s *settingsPane) arm() {
	filter, o, by := strings.ToLower(s.filter), s.c.o, s.c.actor
	s.load = func(_ context.Context, sc scribe, snap *store.Snapshot) (tableRows[string], error) {
		var out tableRows[string]
		out.notes = map[string]string{}
		words := strings.Fields(filter)
		part := ""
	rows:
		for _, r := range sc.settingRows(snap, o, by) {
			for _, w := range words {
				if !strings.Contains(strings.ToLower(r.part+" "+r.id+" "+r.name+" "+r.value+" "+r.open+" "+r.meaning), w) {
					continue rows
				}
			}
			heading := r.part
			if r.part == part { // it stands once above what belongs to it
				heading = ""
			}
			part = r.part
			out.add(r.id, table.Cell{Text: heading, Style: sc.styles.Title}, table.Cell{Text: model.Clean(r.name)}, table.Cell{Text: model.Clean(r.value)}, table.Cell{Text: model.Clean(r.open), Style: sc.styles.Muted})
			open := "Enter opens " + r.open + "."
			if strings.HasPrefix(r.id, "config:") {
				open = "Its value is " + r.open + choose(r.open == "default", ": config.toml says nothing of it.", ".")
			} else if r.open == "" {
				open = ""
			}
			out.notes[r.id] = r.meaning + hang + model.Clean(open)
		}
		return out, nil
	}
}

// Update takes in an action.
func (s *settingsPane) Update(msg tea.Msg) tea.Cmd {
	s.arm()
	return s.tablePane.Update(msg)
}

// Show narrows the settings to those with some words.
func (s *settingsPane) Show(filter string) tea.Cmd {
	s.filter = strings.TrimSpace(filter)
	s.arm()
	return s.read()
}

// Step leaves the filter.
func (s *settingsPane) Step() (tea.Cmd, bool) {
	if s.filter == "" {
		return nil, false
	}
	return s.Show(""), true
}

// settingRows lists every setting: first what the store holds, then the roles,
// then config.toml.
func (s scribe) settingRows(snap *store.Snapshot, o Options, by model.Actor) []settingRow {
	var rows []settingRow
	add := func(id, part, name, value, open, meaning string) {
		rows = append(rows, settingRow{id, part, name, value, open, meaning})
	}
	setup, set := snap.Setup(), snap.Settings()
	wizard := "the " + setup.Tasks()[1].Wizard
	add("computers", "Computers", "Under management", orWord(strings.Join(setup.Computers.How, ", "), "not set up"), "the "+setup.Tasks()[0].Wizard, "Which computers are managed from here, and how they came under management.")
	up := make([]string, 0, 1)
	for _, u := range snap.Upstreams() {
		up = append(up, fmt.Sprintf("%s=%s, %s", u.Kind, u.Location, u.Schedule))
	}
	add("updates", "Updates", "Upstreams", orWord(strings.Join(up, "; "), "not set up"), wizard, "Where the catalogue comes from, and when it is brought into step by itself. The wizard asks for all of it again; Synchronization (8, then e) changes one upstream.")
	classes := make([]string, 0, len(set.Classes))
	for _, k := range set.Classes {
		classes = append(classes, k.Title())
	}
	add("classes", "Updates", "Classifications", orWord(strings.Join(classes, ", "), "all"), "the products and classifications", "Which sorts of updates are wanted. What is not selected is neither shown nor offered.")
	add("products", "Updates", "Products", productsText(snap), "the products and classifications", "What updates are wanted for. A tick on what groups products is for those that come later in it, too.")
	if set.Products != "" {
		add("query", "Updates", "Query on updates", set.Products, "the products and classifications", "What updates must match beside the products.")
	}
	if len(set.Languages) > 0 {
		add("languages", "Updates", "Languages", strings.Join(set.Languages, ", "), wizard, "In which languages titles and descriptions are shown, the preferred one first.")
	}
	add("content", "Updates", "Content", contentText(set.Content), wizard, "Where computers take the files of updates from.")
	if g := snap.Groups().Group(model.GroupAll); g != nil {
		add("policy", "Computers", "Policy of All Computers", policyText(g.Policy), "the computer groups", "When updates are installed and computers restart, where no group below says otherwise: the deepest group wins.")
	}
	meanings := map[string]string{
		"consent":   "Which changes wait until a second person consents to them (C).",
		"targeting": "Who says to which groups computers belong: administrators here, or the computers themselves.",
		"revisions": "Whether an approval moves to a new revision of its update by itself. A revision that changes what it means is a notice in any case.",
		"expired":   "Whether updates that their publisher expired are declined at the end of a synchronization.",
		"replica":   "The server whose decisions this one repeats, if any.",
	}
	for _, r := range optionRows(snap.Options()) {
		add(r[0], "Server", r[1], r[2], "the options of the server", meanings[r[0]])
	}
	add("cleanup", "Server", "Cleanup", "what can be declined and removed", "the cleanup", "Superseded and expired updates, and computers that are gone, are found and taken away after showing what would go.")
	add("upstreams", "Server", "Upstreams, one by one", counted(len(snap.Upstreams()), "upstream", "upstreams"), "the upstreams", "Schedule, place and proxy of each upstream; adding and removing them.")
	add("you", "People", "You", roleOf(by), "the roles", "Who you are here, and what you may do.")
	add("roles", "People", "Roles", "viewer, operator, administrator", "the roles", "What each role may do. It is enforced where changes are made, whatever they come from.")
	add("theme", "Console", "Theme", s.styles.Name, ":theme NAME", "The colours of this session. Everything is readable without any.")
	add("store", "Console", "Data directory", s.store.Dir(), "", "Where everything is kept. fettle backup FILE makes a copy while it is in use.")
	for _, x := range o.Config {
		name := x.Key
		add("config:"+x.Name(), "["+x.Section+"]", name, x.Value, configOrigin(x, o.ConfigFile), x.Meaning)
	}
	return rows
}

// configOrigin says where the value of a setting of config.toml comes from.
func configOrigin(x config.Setting, file string) string {
	switch x.From {
	case config.FromFile:
		return "from " + orWord(file, "config.toml")
	case config.FromFlag:
		return "from the command line"
	case config.FromEnv:
		return "from the environment"
	}
	return "default"
}

// roleOf says who somebody is.
func roleOf(by model.Actor) string {
	return orWord(by.Who, "nobody") + ", " + by.Role.String()
}

// openSetting opens what changes a setting, or says how it is changed.
func (c *Console) openSetting(id string) tea.Cmd {
	switch id {
	case "computers":
		return c.open("setup-computers", "")
	case "updates", "content", "languages":
		return c.open("setup-updates", "")
	case "classes", "products", "query":
		return c.visitScreen(keys.ToProducts)
	case "policy":
		return c.visitScreen(keys.ToGroups)
	case "consent", "targeting", "revisions", "expired", "replica":
		return c.push(newOptions(c))
	case "cleanup":
		return c.visitScreen(keys.ToCleanup)
	case "upstreams":
		return c.push(newUpstreams(c))
	case "you", "roles":
		return c.push(newRoles(c))
	case "theme":
		return c.palette("theme ")
	}
	if name, ok := strings.CutPrefix(id, "config:"); ok {
		for _, x := range c.o.Config {
			if x.Name() == name {
				return c.push(newConfigSetting(c, x))
			}
		}
	}
	if id == "" {
		return nil
	}
	c.say(slog.LevelInfo, "this is decided at the start: --data DIR, or directory in [data] of config.toml")
	return nil
}

// newConfigSetting shows one setting of config.toml: what it means, where its
// value comes from, and how it is changed.
func newConfigSetting(c *Console, x config.Setting) pane {
	t := newTextPane(c, x.Name())
	file := c.o.ConfigFile
	t.load = func(context.Context, scribe, int) ([]string, error) {
		p := page{lines: []string{x.Name(), "", x.Meaning, ""}}
		p.fact("Value", x.Value)
		p.fact("From", configOrigin(x, file))
		p.fact("Default", x.Default)
		p.head("HOW IT IS CHANGED")
		switch x.Section {
		case "keys":
			p.lines = append(p.lines, "In "+orWord(file, "config.toml")+", under [keys]:", "", "  "+x.Key+" = "+x.Value)
		case "view":
			p.lines = append(p.lines, "In "+orWord(file, "config.toml")+", as a [[view]] with this name.")
		default:
			p.lines = append(p.lines, "In "+orWord(file, "a file config.toml, which does not exist yet")+":", "", "  ["+x.Section+"]", "  "+x.Key+" = "+x.Value)
		}
		if file == "" {
			p.lines = append(p.lines, "", "No configuration file was read. It is looked for at --config, then $FETTLE_CONFIG, then /etc/fettle/config.toml for root and $XDG_CONFIG_HOME/fettle/config.toml for others; config.example.toml has every setting to begin with.")
		}
		take := "It takes effect when the process that holds the data starts again."
		if x.Reloads {
			take = "It takes effect with :reload, or at the next start."
		}
		p.lines = append(p.lines, "", take, "Whether the file is right is told by: fettle config check")
		if x.From == config.FromFlag || x.From == config.FromEnv {
			p.lines = append(p.lines, "", "! Now the "+choose(x.From == config.FromFlag, "command line", "environment")+" goes before the file.")
		}
		return p.lines, nil
	}
	return t
}

// productsText says which products are selected: few by name, with what they
// belong to, many by number.
func productsText(snap *store.Snapshot) string {
	set := snap.Settings()
	var names []string
	if len(set.Categories) <= 3 {
		tree := snap.CategoryTree()
		for _, id := range set.Categories {
			names = append(names, orWord(strings.Join(tree.Path(id), " > "), string(id)))
		}
	} else {
		names = append(names, counted(len(set.Categories), "product or family", "products and families"))
	}
	if fresh := len(snap.NewCategories()); fresh > 0 {
		return orWord(strings.Join(names, ", "), "all") + "; " + counted(fresh, "is new", "are new")
	}
	return orWord(strings.Join(names, ", "), "all")
}

func orWord(s, word string) string {
	if s == "" {
		return word
	}
	return s
}

// contentText says where computers take packages from.
func contentText(m model.ContentMode) string {
	switch m {
	case model.ContentOnApproval:
		return "kept here, fetched when approved"
	case model.ContentAtOnce:
		return "kept here, fetched at once"
	}
	return "computers take it from the vendor"
}
