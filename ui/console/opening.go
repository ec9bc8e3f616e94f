package console

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"fettle/model"
	"fettle/model/query"
	"fettle/store"
	"fettle/ui/console/keys"
)

// item is what an identifier stands for: one update, several that match, or a
// computer.
type item struct {
	update   uint32
	computer uint32
	filter   string // on the updates, where several have the name
}

// find looks for what a word names: an update by its identifier, a computer by
// its name, or else the updates that match, such as those of a KB article.
func find(ctx context.Context, snap *store.Snapshot, word string, now time.Time) (item, error) {
	word = strings.TrimSpace(word)
	if r := snap.RowByID(model.UpdateID(strings.ToLower(strings.Trim(word, "{}")))); r != nil {
		return item{update: r.Number}, nil
	}
	if r := snap.RowByID(model.UpdateID(word)); r != nil {
		return item{update: r.Number}, nil
	}
	if c := snap.ComputerByName(word); c != nil {
		return item{computer: c.Number}, nil
	}
	q, err := query.ParseUpdates(word)
	if err != nil {
		return item{}, err
	}
	found, err := q.Filter(ctx, snap, snap.Updates(), now)
	switch {
	case err != nil:
		return item{}, err
	case len(found) == 1:
		return item{update: found[0].Number}, nil
	case len(found) > 1:
		return item{filter: word}, nil
	}
	return item{}, &model.Refusal{Code: "unknown", What: fmt.Sprintf("%q was not opened", model.Clean(word)), Why: "no update has this identifier, KB article, CVE or word in its title, and no computer this name",
		Remedy: "look for it in the lists: 2 are the updates, 3 the computers, / filters them"}
}

// openItem does `:open ID`: details of an update or of a computer.
func (c *Console) openItem(word string) tea.Cmd {
	if word == "" {
		c.say(slog.LevelWarn, "open what? An update's identifier, KB article or CVE, or a computer's name")
		return nil
	}
	if !c.snap.Loaded() {
		c.opening = word // as soon as the catalogue is there
		return nil
	}
	snap, now := c.snap, c.now.In(c.zone)
	return c.seeking.start(c.ctx, func(ctx context.Context) func() tea.Cmd {
		it, err := find(ctx, snap, word, now)
		return func() tea.Cmd {
			switch {
			case err != nil:
				return c.tell(err)
			case it.filter != "":
				return c.open("updates", it.filter)
			case it.computer != 0:
				return tea.Batch(c.visitScreen(keys.ToComps), c.push(newComputer(c, it.computer)))
			}
			return tea.Batch(c.visitScreen(keys.ToUpdates), c.push(newUpdate(c, it.update)))
		}
	})
}

// opened opens what the session was started for, once the catalogue is there.
func (c *Console) opened() tea.Cmd {
	word := c.opening
	if word == "" || !c.snap.Loaded() {
		return nil
	}
	c.opening = ""
	return c.openItem(word)
}

// Screens are the names of the screens, as --view and the palette take them.
func Screens() []string {
	var names []string
	for _, s := range screens() {
		names = append(names, s.name)
	}
	return names
}

// CheckView says what is wrong with a screen's name and its filter, before a
// console is opened with them.
func CheckView(view, filter string) error {
	_, ok := screenNamed(view)
	switch {
	case view != "" && !ok:
		return fmt.Errorf("there is no screen %q; the screens are %s", view, strings.Join(Screens(), ", "))
	case filter != "" && view == "":
		return fmt.Errorf("a filter is for one screen; name it, as in: --view updates --filter %q", filter)
	case filter == "":
		return nil
	}
	var err error
	switch a, _ := screenNamed(view); a {
	case keys.ToUpdates:
		_, err = query.ParseUpdates(filter)
	case keys.ToComps:
		_, err = query.ParseComputers(filter)
	}
	return err
}
