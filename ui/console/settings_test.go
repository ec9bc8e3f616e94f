package console

import (
	"errors"
	"testing"

	"fettle/model"
	"fettle/store"
	"fettle/ui/config"
)

func init() {
	ways = append(ways, way{"settings-filter", []string{"9", "/", "s", "c", "h", "e", "enter"}}, way{"settings-config", []string{"9", "/", "f", "p", "s", "enter", "enter"}}, way{"roles", []string{"9", "/", "r", "o", "l", "e", "s", "enter", "enter"}})
}

func TestSettingsShowEverySettingWithItsMeaning(t *testing.T) {
	c, err := config.Parse("/etc/fettle/config.toml", "[ui]\nfps = 10\n")
	if err != nil {
		t.Fatal(err)
	}
	d, _ := site(t, func(o *Options) { o.Config, o.ConfigFile = c.Settings(), c.Path })
	d.press("9").sees("Under management", "how they came under management")
	for _, s := range c.Settings() {
		d.press("/", "ctrl+u").write(s.Key).press("enter").sees(s.Key)
	}
	d.press("/", "ctrl+u").write("frames per").press("enter").sees("fps", "Frames per second", "1 setting")
	d.press("enter").sees("Value", "10", "from /etc/fettle/config.toml", "Default", "30", "[ui]", "fps = 10").press("esc", "esc").seesNot("Filter:").press("home").sees("Under management")
	d.press("/").write("memory").press("enter", "enter").sees("when the process that holds the data starts again").press("esc")
	d.press("backspace", "/").write("nonsense").press("enter").sees("No setting matches")
}

func TestSettingsOpenWhatChangesThem(t *testing.T) {
	for filter, want := range map[string]string{"management": "Computer and Device Management Wizard", "classifications": "Products and classifications", "policy": "Groups", "consent of a": "Options of the server",
		"expired updates": "Options of the server", "cleanup": "Cleanup", "schedule, place": "Upstreams", "viewer": "WHO YOU ARE", "content": "Updates Management Configuration Wizard"} {
		d, _ := site(t)
		d.press("9", "/").write(filter).press("enter", "enter").sees(want)
	}
	d, _ := site(t)
	d.press("9", "/").write("data directory").press("enter", "enter")
}

// TestRolesSayWhatTheStoreRefuses holds the page to the code: what it says that a
// role may do is what the store lets it do.
func TestRolesSayWhatTheStoreRefuses(t *testing.T) {
	_, s := site(t)
	for _, k := range model.ChangeKinds() {
		for _, role := range []model.Access{model.AccessViewer, model.AccessOperator, model.AccessAdministrator} {
			err := s.Check(model.Change{Kind: k}, model.Actor{Who: "x", Role: role})
			var r *model.Refusal
			refused := asRefusal(err, &r) && r.Code == "role"
			if refused != (role < store.RoleFor(k)) {
				t.Errorf("%s by %s: %v, the page says %s", k, role, err, store.RoleFor(k))
			}
		}
	}
	d, _ := site(t, func(o *Options) { o.ReadOnly = true })
	d.press("9", "/").write("viewer").press("enter", "enter").sees("alice", "viewer", "read-only", "operator", "administrator").press("end").sees("do not exist yet")
}

func asRefusal(err error, r **model.Refusal) bool { return errors.As(err, r) }
