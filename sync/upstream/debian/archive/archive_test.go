package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fettle/model"

	"github.com/ulikunitz/xz"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// stanzaOf writes a Packages stanza; more replaces or adds fields.
func stanzaOf(name, version string, more ...string) string {
	fields := []string{
		"Package: " + name, "Version: " + version, "Architecture: amd64", "Section: misc", "Description: about " + name,
		"Filename: pool/main/" + name + "_" + version + ".deb", "Size: 1000",
		fmt.Sprintf("SHA256: %x", sha256.Sum256([]byte(name+version))),
	}
	for _, m := range more {
		key, _, _ := strings.Cut(m, ":")
		if i := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, key+":") }); i >= 0 {
			fields[i] = m
		} else {
			fields = append(fields, m)
		}
	}
	return strings.Join(fields, "\n") + "\n\n"
}

func suiteOf(codename string, date time.Time) *Release {
	r := &Release{Origin: "Debian", Label: "Debian", Codename: codename, Version: "12.15", Date: date}
	if strings.HasSuffix(codename, "-security") {
		r.Label, r.Version = "Debian-Security", "12"
	}
	return r
}

var (
	july     = time.Date(2026, 7, 11, 10, 16, 37, 0, time.UTC)
	november = time.Date(2026, 11, 21, 0, 53, 2, 0, time.UTC)
)

// catalogueOf reads lists given as suite, component, text.
func catalogueOf(t testing.TB, lists ...[3]string) *Catalogue {
	t.Helper()
	c, err := NewCatalogue("Debian", "bookworm")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		date := july
		if l[0] != "bookworm" {
			date = november
		}
		if _, err := c.Read(t.Context(), suiteOf(l[0], date), l[1], strings.NewReader(l[2]), nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// TestMapping compares what a small archive becomes with a golden file: suites
// merged, rebuilds joined, sections, security, kernels, phasing.
func TestMapping(t *testing.T) {
	main := stanzaOf("curl", "7.88.1-10", "Section: web", "Description: command line tool\n long text") +
		stanzaOf("libcurl4", "7.88.1-10", "Source: curl", "Section: libs") +
		stanzaOf("bash", "5.2.15-2+b2", "Source: bash (5.2.15-2)", "Section: shells") +
		stanzaOf("tzdata", "2024a-0+deb12u1", "Architecture: all", "Section: localization") +
		stanzaOf("tzdata", "2024a-0+deb12u1", "Architecture: all", "Section: localization")
	contrib := stanzaOf("virtualbox-guest", "7:1.0~rc1-1", "Source: virtualbox", "Section: contrib/misc") + stanzaOf("plain", "1", "Section: net")
	updates := stanzaOf("tzdata", "2024b-0+deb12u1", "Architecture: all", "Section: localization", "Phased-Update-Percentage: 30") +
		stanzaOf("bash", "5.2.15-2+b7", "Source: bash (5.2.15-2)", "Section: shells")
	security := stanzaOf("curl", "7.88.1-10", "Section: web", "Description: command line tool") +
		stanzaOf("libcurl4", "7.88.1-10+deb12u9", "Source: curl (7.88.1-10+deb12u9)", "Section: libs") +
		stanzaOf("linux-image-6.1.0-99-amd64", "6.1.150-1", "Source: linux-signed-amd64 (6.1.150+1)", "Section: kernel")
	c := catalogueOf(t, [3]string{"bookworm", "contrib", contrib}, [3]string{"bookworm", "main", main},
		[3]string{"bookworm-updates", "main", updates}, [3]string{"bookworm-security", "updates/main", security})
	golden(t, c, "mapping.golden")
	if f := c.Failures(); len(f) != 0 {
		t.Errorf("refused: %v", f)
	}
}

func golden(t *testing.T, c *Catalogue, name string) {
	t.Helper()
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", " ")
	for _, category := range c.Categories() {
		fmt.Fprintf(&out, "category %s %q in %q\n", category.ID, category.Title, category.Parent)
	}
	for u := range c.Updates() {
		if err := encoder.Encode(u); err != nil {
			t.Fatal(err)
		}
		for _, p := range u.Debian.Packages {
			fmt.Fprintf(&out, "suites of %s %s: %b\n", p.Name, p.Version, p.Suites)
		}
	}
	file := filepath.Join("testdata", name)
	if *rewrite {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), want) {
		t.Errorf("the mapping changed (go test -rewrite accepts it):\n%s", out.Bytes())
	}
}

// TestReadOrder: the same lists in another order give the same updates, so that
// no run makes a revision out of nothing.
func TestReadOrder(t *testing.T) {
	lists := [][3]string{
		{"bookworm", "main", stanzaOf("b", "1.0", "Source: xx") + stanzaOf("aa", "1.0", "Source: xx") + stanzaOf("aa", "1.0+b1", "Source: xx (1.0)")},
		{"bookworm-updates", "main", stanzaOf("aa", "1.0", "Source: xx")},
		{"bookworm-security", "main", stanzaOf("aa", "1.0+b1", "Source: xx (1.0)") + stanzaOf("cc", "1.0", "Source: xx")},
	}
	digests := func(order ...int) (list []string) {
		var in [][3]string
		for _, i := range order {
			in = append(in, lists[i])
		}
		for u := range catalogueOf(t, in...).Updates() {
			u.Released = time.Time{} // only bounded by the archive; it makes no revision
			list = append(list, fmt.Sprintf("%+v", *u.Debian))
			u.Debian = nil
			list = append(list, fmt.Sprintf("%+v", *u))
		}
		return list
	}
	want := digests(0, 1, 2)
	if len(want) != 2 {
		t.Fatalf("%d updates, want 1", len(want)/2)
	}
	for _, order := range [][]int{{0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}} {
		// The stanza that leads is chosen by name; only equal names depend on order.
		if got := digests(order...); !slices.Equal(got, want) {
			t.Errorf("order %v gives other updates:\n%s\n%s", order, got, want)
		}
	}
}

// TestHostile: each bad item is refused by itself, with its reason; the rest of
// the list is imported.
func TestHostile(t *testing.T) {
	good := stanzaOf("good", "1.0")
	tests := []struct{ name, stanza, reason string }{
		{"shell characters in a name", stanzaOf("x;reboot", "1.0"), "package name"},
		{"escape sequence in a name", stanzaOf("x\x1b[2J", "1.0"), "package name"},
		{"option as name", stanzaOf("--force-yes", "1.0"), "package name"},
		{"upper case", stanzaOf("Xx", "1.0"), "package name"},
		{"no name", "Version: 1.0\n\n", "package name"},
		{"slash in a version", stanzaOf("xx", "1.0/../../x"), "version"},
		{"blank in a version", stanzaOf("xx", "1.0 2"), "version"},
		{"hostile architecture", stanzaOf("xx", "1.0", "Architecture: am/d"), "architecture"},
		{"hostile source", stanzaOf("xx", "1.0", "Source: ../etc (1.0)"), "source package"},
		{"hostile source version", stanzaOf("xx", "1.0", "Source: yy (1.0/3)"), "source package"},
		{"path upwards", stanzaOf("xx", "1.0", "Filename: pool/../../etc/passwd"), "file name"},
		{"absolute path", stanzaOf("xx", "1.0", "Filename: /etc/passwd"), "file name"},
		{"backslashes", stanzaOf("xx", "1.0", `Filename: pool\..\x`), "file name"},
		{"control character in a path", stanzaOf("xx", "1.0", "Filename: pool/x\x1b[2J"), "file name"},
		{"no path", stanzaOf("xx", "1.0", "Filename:"), "file name"},
		{"negative size", stanzaOf("xx", "1.0", "Size: -5"), "size"},
		{"huge size", stanzaOf("xx", "1.0", "Size: 99999999999999999999"), "size"},
		{"no size", stanzaOf("xx", "1.0", "Size: "), "size"},
		{"no hash", stanzaOf("xx", "1.0", "SHA256:"), "SHA256"},
		{"short hash", stanzaOf("xx", "1.0", "SHA256: abcd"), "SHA256"},
		{"hash of other letters", stanzaOf("xx", "1.0", "SHA256: "+strings.Repeat("z", 64)), "SHA256"},
		{"phased above all", stanzaOf("xx", "1.0", "Phased-Update-Percentage: 101"), "Phased"},
		{"two versions", strings.TrimSpace(stanzaOf("xx", "1.0")) + "\nversion: 2.0\n\n", "twice"},
		{"not a stanza", "rubbish\n\n", "not readable"},
		{"version is NUL", stanzaOf("xx", "\x00"), "version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := catalogueOf(t, [3]string{"bookworm", "main", test.stanza + good})
			var ids []string
			for u := range c.Updates() {
				ids = append(ids, string(u.ID))
			}
			if !slices.Equal(ids, []string{"deb/Debian/bookworm/good/1.0"}) {
				t.Errorf("imported %q", ids)
			}
			f := c.Failures()
			if len(f) != 1 || !strings.Contains(f[0].Reason, test.reason) {
				t.Fatalf("refused: %v", f)
			}
			for _, text := range []string{f[0].Item, f[0].Reason} {
				if text != model.Clean(text) {
					t.Errorf("%q is not safe to show", text)
				}
			}
		})
	}
}

// TestRefusedIsPresent: an update whose package cannot be imported has not left
// the archive.
func TestRefusedIsPresent(t *testing.T) {
	c := catalogueOf(t, [3]string{"bookworm", "main", stanzaOf("xx", "1.0", "Size: x")})
	if _, ok := c.Present()["deb/Debian/bookworm/xx/1.0"]; !ok {
		t.Error("the refused update looks withdrawn")
	}
}

// TestTexts: titles are clean and bounded whatever the archive says.
func TestTexts(t *testing.T) {
	c := catalogueOf(t, [3]string{"bookworm", "main", stanzaOf("xx", "1.0", "Description: \x1b]0;title\x07red \x1b[31m"+strings.Repeat("ü", 500))})
	for u := range c.Updates() {
		if u.Title != model.Clean(u.Title) || len(u.Title) > 250 || !strings.HasPrefix(u.Title, "xx 1.0: red ") || !strings.HasSuffix(u.Title, "ü...") {
			t.Errorf("title %q", u.Title)
		}
	}
}

func TestConflict(t *testing.T) {
	c := catalogueOf(t, [3]string{"bookworm", "main", stanzaOf("xx", "1.0")},
		[3]string{"bookworm-security", "main", stanzaOf("xx", "1.0", fmt.Sprintf("SHA256: %064d", 1))})
	for u := range c.Updates() {
		if p := u.Debian.Packages; len(p) != 1 || p[0].SHA256[31] == 1 {
			t.Errorf("packages %v", p)
		}
	}
	if f := c.Failures(); len(f) != 1 || !strings.Contains(f[0].Reason, "different contents") {
		t.Errorf("failures %v", f)
	}
}

func TestTooManySuites(t *testing.T) {
	c := catalogueOf(t)
	for i := range 9 {
		_, err := c.Read(t.Context(), suiteOf(fmt.Sprintf("s%d", i), july), "main", strings.NewReader(""), nil, nil)
		if (err != nil) != (i == 8) {
			t.Errorf("suite %d: %v", i+1, err)
		}
	}
}

// TestReadChecks: a list that is not the signed one is an error.
func TestReadChecks(t *testing.T) {
	text := stanzaOf("xx", "1.0") + stanzaOf("yy", "1.0")
	entry := List{Size: int64(len(text)), SHA256: sha256.Sum256([]byte(text))}
	tests := []struct {
		name, text string
		want       error
	}{
		{"as signed", text, nil},
		{"truncated", text[:len(text)-100], ErrDamaged},
		{"longer", text + "x", ErrDamaged},
		{"other", strings.Replace(text, "yy", "zz", 1), ErrDamaged},
		{"empty", "", ErrDamaged},
		{"endless line", strings.Repeat("x", 2<<20), ErrDamaged},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := catalogueOf(t).Read(t.Context(), suiteOf("bookworm", july), "main", strings.NewReader(test.text), &entry, nil)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := catalogueOf(t).Read(ctx, suiteOf("bookworm", july), "main", strings.NewReader(text), &entry, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after a cancel: %v", err)
	}
}

func TestParseRelease(t *testing.T) {
	const text = "Origin: Debian\nLabel: Debian-Security\nSuite: oldstable-security\nVersion: 12\nCodename: bookworm-security\n" +
		"Date: Sat, 21 Nov 2026 00:53:02 UTC\nValid-Until: Sat, 28 Nov 2026 00:53:02 UTC\nArchitectures: all amd64\nNo-Support-for-Architecture-all: Packages\n" +
		"SHA256:\n e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855        0 main/binary-all/Packages\n"
	signed := "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n" + text + "-----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"
	for _, form := range []string{text, signed, strings.ReplaceAll(signed, "\n", "\r\n"), strings.Replace(signed, "Origin", "- Origin", 1)} {
		r, err := ParseRelease([]byte(form))
		if err != nil {
			t.Fatal(err)
		}
		if r.Origin != "Debian" || r.Codename != "bookworm-security" || !r.Date.Equal(november) || r.HasLists("all") || !r.HasLists("amd64") || r.HasLists("i386") || !r.Security() ||
			r.Release() != "bookworm" || len(r.Lists) != 1 || r.ValidUntil.Sub(r.Date) != 7*24*time.Hour || r.Title() != "Debian 12 (bookworm)" {
			t.Errorf("read %+v", r)
		}
	}
	for name, bad := range map[string]string{
		"empty":                     "",
		"text before":               "Origin: Evil\n\n" + signed,
		"text behind":               signed + "Origin: Evil\n",
		"no signature":              strings.Split(signed, "-----BEGIN PGP SIGNATURE")[0],
		"cut signature":             strings.Split(signed, "-----END PGP SIGNATURE")[0],
		"two signed texts":          signed + signed,
		"markers within":            strings.Replace(signed, "Label", "-----BEGIN X-----\nLabel", 1),
		"two stanzas":               text + "\nOrigin: Evil\n",
		"field twice":               text + "origin: Evil\n",
		"bad date":                  strings.Replace(text, "21 Nov", "21 Nev", 1),
		"bad hash":                  strings.Replace(text, "e3b0", "x3b0", 1),
		"short hash":                strings.Replace(text, "e3b0", "e", 1),
		"bad size":                  strings.Replace(text, "  0 main", "  -1 main", 1),
		"too large":                 strings.Repeat("x", MaxReleaseSize+1),
		"rubbish in signed headers": strings.Replace(signed, "Hash: SHA256", "Hash", 1),
	} {
		if r, err := ParseRelease([]byte(bad)); err == nil {
			t.Errorf("%s was accepted: %+v", name, r)
		}
	}
}

func TestTitle(t *testing.T) {
	for _, test := range []struct {
		r    Release
		want string
	}{
		{Release{Origin: "Debian", Version: "12.15", Codename: "bookworm"}, "Debian 12 (bookworm)"},
		{Release{Origin: "Debian", Version: "12-updates", Codename: "bookworm-updates"}, "Debian 12 (bookworm)"},
		{Release{Origin: "Debian", Codename: "sid"}, "Debian (sid)"},
		{Release{Origin: "Ubuntu", Version: "22.04", Codename: "jammy-security"}, "Ubuntu 22.04 (jammy)"},
		{Release{Origin: "A\x1b[2Jb", Codename: "x"}, "Ab (x)"},
	} {
		if got := test.r.Title(); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// samples is the folder of shared samples beside the repository.
const samples = "../../../../../shared/samples/linux/debian/"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(samples + name)
	if err != nil {
		t.Skip("the shared samples are absent: ", err)
	}
	return data
}

// TestSecuritySample maps the real security suite of Debian 12, whose hash its
// real InRelease file gives.
func TestSecuritySample(t *testing.T) {
	suite, err := ParseRelease(sample(t, "bookworm-security_InRelease"))
	if err != nil {
		t.Fatal(err)
	}
	unpacked, err := xz.NewReader(bytes.NewReader(sample(t, "bookworm-security_main_binary-amd64_Packages.xz")))
	if err != nil {
		t.Fatal(err)
	}
	c, err := NewCatalogue(suite.Origin, suite.Release())
	if err != nil {
		t.Fatal(err)
	}
	if suite.HasLists("all") {
		t.Error("the suite has lists of architecture all; apt reads none")
	}
	entry := suite.Lists["main/binary-amd64/Packages"]
	s, err := c.Read(t.Context(), suite, "main", unpacked, &entry, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.Packages != 3016 || s.Bytes != 2523192 || len(c.Failures()) != 0 {
		t.Errorf("read %+v, refused %v", s, c.Failures())
	}
	packages := 0
	for u := range c.Updates() {
		packages += len(u.Debian.Packages)
		if u.Class != model.ClassSecurity || !slices.Equal(u.Debian.Suites, []string{"bookworm-security"}) || !u.Released.Equal(november) || !u.NotLater {
			t.Errorf("%s: %s %v %v", u.ID, u.Class, u.Debian.Suites, u.Released)
		}
		if u.Debian.ID() != u.ID || u.Debian.Packages[0].Suites != 1 {
			t.Errorf("%s: %+v", u.ID, u.Debian)
		}
	}
	if packages != 3016 {
		t.Errorf("%d packages of 3016 were mapped", packages)
	}
	for name, title := range map[string]string{"bookworm_InRelease": "bookworm", "bookworm-updates_InRelease": "bookworm-updates"} {
		r, err := ParseRelease(sample(t, name))
		if r.HasLists("all") {
			t.Errorf("%s has lists of architecture all", name)
		}
		if err != nil || r.Codename != title || r.Title() != "Debian 12 (bookworm)" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// FuzzCatalogue: whatever a list contains, updates keep their rules.
func FuzzCatalogue(f *testing.F) {
	f.Add([]byte(stanzaOf("curl", "7.88.1-10") + stanzaOf("libcurl4", "1:2~3+b1", "Source: curl (1:2~3)")))
	f.Add([]byte(stanzaOf("xx", "1.0", "Section: a/b") + "Package: x\n y\n\n" + stanzaOf("xx", "1.00", "Source: xx (1.0)")))
	f.Fuzz(func(t *testing.T, input []byte) {
		c, err := NewCatalogue("Debian", "bookworm")
		if err != nil {
			t.Fatal(err)
		}
		for _, suite := range []string{"bookworm", "bookworm-security"} {
			if _, err := c.Read(t.Context(), suiteOf(suite, july), "main", bytes.NewReader(input), nil, nil); err != nil {
				return
			}
		}
		present := c.Present()
		var last model.UpdateID
		for u := range c.Updates() {
			if u.ID <= last {
				t.Errorf("%q follows %q", u.ID, last)
			}
			last = u.ID
			if _, ok := present[u.ID]; !ok || u.ID != u.Debian.ID() || strings.Count(string(u.ID), "/") != 4 {
				t.Errorf("identifier %q", u.ID)
			}
			if u.Title != model.Clean(u.Title) || u.Description != model.Clean(u.Description) || len(u.Title) > 250 || len(u.Description) > 2500 {
				t.Errorf("texts %q, %q", u.Title, u.Description)
			}
			sorted := slices.Clone(u.Debian.Packages)
			model.SortPackages(sorted)
			for i, p := range u.Debian.Packages {
				if err := model.CheckPackage(p.Name, p.Arch, p.Version); err != nil {
					t.Error(err)
				}
				if !filepath.IsLocal(p.Filename) || p.Size <= 0 || len(p.SHA256) != sha256.Size || p.Phased > 100 {
					t.Errorf("package %+v", p)
				}
				if p.Suites == 0 || int(p.Suites) >= 1<<len(u.Debian.Suites) {
					t.Errorf("suites %b of %v", p.Suites, u.Debian.Suites)
				}
				if s := sorted[i]; s.Name != p.Name || s.Arch != p.Arch {
					t.Errorf("packages are not sorted: %s at %d", p.Name, i)
				}
			}
		}
		for _, failure := range c.Failures() {
			if failure.Item != model.Clean(failure.Item) || failure.Reason != model.Clean(failure.Reason) {
				t.Errorf("failure %q", failure)
			}
		}
	})
}

// FuzzParseRelease: no input makes it panic, and what it accepts is usable.
func FuzzParseRelease(f *testing.F) {
	f.Add([]byte("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nOrigin: Debian\nCodename: x\nSHA256:\n -----BEGIN PGP SIGNATURE-----\n\nabc\n-----END PGP SIGNATURE-----\n"))
	f.Add([]byte("Origin: D\nDate: Sat, 21 Nov 2026 00:53:02 UTC\nSHA256:\n " + strings.Repeat("a", 64) + " 1 x\n"))
	f.Fuzz(func(t *testing.T, input []byte) {
		r, err := ParseRelease(input)
		if err != nil {
			return
		}
		if title := r.Title(); title != model.Clean(title) {
			t.Errorf("title %q", title)
		}
		for path, l := range r.Lists {
			if l.Size < 0 || path == "" {
				t.Errorf("list %q %+v", path, l)
			}
		}
	})
}
