package archive

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ulikunitz/xz"
)

// Suite says under which names packages are published.
type Suite struct {
	Codename   string    // "bookworm-security"
	Suite      string    // empty = as Codename
	Origin     string    // empty = "Fettle Test"
	Label      string    // empty = as Origin
	Version    string    // of the release, "12.1"
	Date       time.Time // zero = 2026-01-01
	ValidUntil time.Time // zero = no such field
	Component  string    // empty = "main"
	Archs      []string  // empty = amd64
}

// Repository is an archive in a directory, with the key that signs it.
type Repository struct {
	Dir  string
	home string // gpg's own directory, with the private key
}

// CanSign says why no archive can be built here: gpg is missing.
func CanSign() error {
	if _, err := exec.LookPath("gpg"); err != nil {
		return errors.New("gpg is not installed here")
	}
	return nil
}

// NewRepository makes an empty archive in dir, which is made as well. The
// public key is written to dir/key.gpg, for Signed-By.
func NewRepository(dir string) (*Repository, error) {
	if err := os.MkdirAll(filepath.Join(dir, "pool"), 0o755); err != nil {
		return nil, fmt.Errorf("making the archive: %w", err)
	}
	home, err := os.MkdirTemp("", "fettle-gpg") // short: gpg's agent has a socket in it
	if err != nil {
		return nil, fmt.Errorf("making gpg's directory: %w", err)
	}
	r := &Repository{Dir: dir, home: home}
	if _, err := r.gpg(nil, "--passphrase", "", "--quick-gen-key", "Fettle tests <tests@example.invalid>", "rsa2048", "sign", "never"); err != nil {
		r.Close()
		return nil, err
	}
	pub, err := r.gpg(nil, "--export")
	if err != nil {
		r.Close()
		return nil, err
	}
	return r, os.WriteFile(r.KeyFile(), pub, 0o644)
}

// Close ends gpg's agent and forgets the private key. The archive stays.
func (r *Repository) Close() error {
	kill := exec.Command("gpgconf", "--homedir", r.home, "--kill", "all")
	return errors.Join(kill.Run(), os.RemoveAll(r.home))
}

// gpg runs gpg in the repository's own directory.
func (r *Repository) gpg(input []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(context.Background(), "gpg", append([]string{"--homedir", r.home, "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("running gpg %s: %w\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out, nil
}

// KeyFile is the path of the public key.
func (r *Repository) KeyFile() string { return filepath.Join(r.Dir, "key.gpg") }

// URI is the archive's address for apt: the directory itself.
func (r *Repository) URI() string { return "file:" + r.Dir }

// Publish builds the packages into the pool and writes the suite's signed
// indexes. What the suite offered before is replaced; files stay in the pool.
func (r *Repository) Publish(s Suite, packages ...Package) error {
	s.Suite = cmp.Or(s.Suite, s.Codename)
	s.Origin = cmp.Or(s.Origin, "Fettle Test")
	s.Label = cmp.Or(s.Label, s.Origin)
	s.Component = cmp.Or(s.Component, "main")
	if s.Date.IsZero() {
		s.Date = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	if len(s.Archs) == 0 {
		s.Archs = []string{"amd64"}
	}
	index := map[string]*bytes.Buffer{}
	for _, a := range s.Archs {
		index[a] = &bytes.Buffer{}
	}
	for _, p := range packages {
		stanza, err := r.add(s.Component, p)
		if err != nil {
			return fmt.Errorf("building %s %s: %w", p.Name, p.Version, err)
		}
		for _, a := range s.Archs {
			if p.arch() == a || p.arch() == "all" {
				index[a].WriteString(stanza + "\n")
			}
		}
	}
	dist := filepath.Join(r.Dir, "dists", s.Codename)
	var sums []string
	write := func(name string, body []byte) error {
		path := filepath.Join(dist, name)
		sum := sha256.Sum256(body)
		sums = append(sums, fmt.Sprintf(" %x %d %s", sum, len(body), name))
		byHash := filepath.Join(filepath.Dir(path), "by-hash", "SHA256", fmt.Sprintf("%x", sum))
		for _, f := range []string{path, byHash} {
			if err := os.MkdirAll(filepath.Dir(f), 0o755); err != nil {
				return err
			}
			if err := os.WriteFile(f, body, 0o644); err != nil {
				return err
			}
		}
		return nil
	}
	for _, a := range s.Archs {
		name := s.Component + "/binary-" + a + "/Packages"
		forms, err := compress(index[a].Bytes())
		if err != nil {
			return fmt.Errorf("compressing %s: %w", name, err)
		}
		for _, ext := range []string{"", ".gz", ".xz"} {
			if err := write(name+ext, forms[ext]); err != nil {
				return fmt.Errorf("writing %s: %w", name+ext, err)
			}
		}
	}
	var rel strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&rel, "%s: %s\n", name, value)
		}
	}
	field("Origin", s.Origin)
	field("Label", s.Label)
	field("Suite", s.Suite)
	field("Version", s.Version)
	field("Codename", s.Codename)
	field("Date", s.Date.UTC().Format("Mon, 02 Jan 2006 15:04:05 MST"))
	if !s.ValidUntil.IsZero() {
		field("Valid-Until", s.ValidUntil.UTC().Format("Mon, 02 Jan 2006 15:04:05 MST"))
	}
	field("Acquire-By-Hash", "yes")
	field("Architectures", strings.Join(s.Archs, " "))
	field("Components", s.Component)
	slices.Sort(sums)
	rel.WriteString("SHA256:\n" + strings.Join(sums, "\n") + "\n")
	signed, err := r.gpg([]byte(rel.String()), "--digest-algo", "SHA256", "--clearsign")
	if err != nil {
		return fmt.Errorf("signing %s: %w", s.Codename, err)
	}
	if err := os.WriteFile(filepath.Join(dist, "Release"), []byte(rel.String()), 0o644); err != nil {
		return fmt.Errorf("writing Release: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dist, "InRelease"), signed, 0o644); err != nil {
		return fmt.Errorf("writing InRelease: %w", err)
	}
	return nil
}

// add puts one package into the pool and gives its stanza of the index.
func (r *Repository) add(component string, p Package) (string, error) {
	deb, err := p.Build()
	if err != nil {
		return "", err
	}
	path := "pool/" + component + "/" + p.Filename()
	if err := os.MkdirAll(filepath.Join(r.Dir, filepath.Dir(path)), 0o755); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(r.Dir, path), deb, 0o644); err != nil {
		return "", err
	}
	stanza := p.control() + fmt.Sprintf("Filename: %s\nSize: %d\nSHA256: %x\n", path, len(deb), sha256.Sum256(deb))
	if p.Phased > 0 {
		stanza += fmt.Sprintf("Phased-Update-Percentage: %d\n", p.Phased)
	}
	return stanza, nil
}

// compress gives the forms of an index file by their extension.
func compress(plain []byte) (map[string][]byte, error) {
	var gz, x bytes.Buffer
	zw := gzip.NewWriter(&gz)
	if _, err := zw.Write(plain); err != nil {
		return nil, err
	}
	if err := zw.Close(); err != nil {
		return nil, err
	}
	xw, err := xz.NewWriter(&x)
	if err != nil {
		return nil, err
	}
	if _, err := xw.Write(plain); err != nil {
		return nil, err
	}
	if err := xw.Close(); err != nil {
		return nil, err
	}
	return map[string][]byte{"": plain, ".gz": gz.Bytes(), ".xz": x.Bytes()}, nil
}
