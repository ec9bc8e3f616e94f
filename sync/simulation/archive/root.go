package archive

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Root is a directory that apt and dpkg treat as a machine of its own.
type Root struct {
	Dir string
}

// Available says why no root can be used here: apt or dpkg are missing, or the
// process is neither root nor has fakeroot.
func Available() error {
	for _, program := range []string{"apt-get", "apt-cache", "dpkg", "gpgv"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is not installed here", program)
		}
	}
	if os.Geteuid() != 0 {
		if _, err := exec.LookPath("fakeroot"); err != nil {
			return errors.New("this needs root or fakeroot")
		}
	}
	return nil
}

// NewRoot makes an empty root in dir.
func NewRoot(dir string) (*Root, error) {
	for _, d := range []string{
		"etc/apt/sources.list.d", "etc/apt/apt.conf.d", "etc/apt/preferences.d", "etc/apt/trusted.gpg.d", "etc/apt/auth.conf.d",
		"var/lib/apt/lists/partial", "var/lib/dpkg/info", "var/lib/dpkg/updates", "var/lib/dpkg/triggers",
		"var/cache/apt/archives/partial", "var/log/apt", "tmp", "run", "usr/bin",
	} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, fmt.Errorf("making the root: %w", err)
		}
	}
	r := &Root{Dir: dir}
	return r, r.Write("var/lib/dpkg/status", "")
}

// Write puts a file into the root, with the directories above it.
func (r *Root) Write(name, content string) error {
	path := filepath.Join(r.Dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		return fmt.Errorf("writing %s: %w", name, err)
	}
	return nil
}

// Read gives a file of the root.
func (r *Root) Read(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join(r.Dir, name))
	return string(b), err
}

// AddSource configures suites of an archive for the root's apt. The address is
// the repository's own directory unless uri says otherwise (http on loopback).
func (r *Root) AddSource(repo *Repository, uri string, suites ...string) error {
	if uri == "" {
		uri = repo.URI()
	}
	return r.Write("etc/apt/sources.list.d/"+strings.Join(suites, "_")+".sources",
		"Types: deb\nURIs: "+uri+"\nSuites: "+strings.Join(suites, " ")+"\nComponents: main\nSigned-By: "+repo.KeyFile()+"\n")
}

// AptOptions are the arguments that make apt work in the root.
func (r *Root) AptOptions() []string {
	options := []string{
		"Dir=" + r.Dir, "Dir::State::status=" + filepath.Join(r.Dir, "var/lib/dpkg/status"), "Dir::Etc::sourcelist=/dev/null",
		"APT::Architecture=amd64", "APT::Architectures::=amd64", "APT::Sandbox::User=root", "APT::Machine-ID=00000000000000000000000000000001",
		// The machine's own configuration must not reach the test.
		"Dir::Etc::main=/dev/null",
	}
	for _, o := range r.DpkgOptions() {
		options = append(options, "DPkg::Options::="+o)
	}
	var args []string
	for _, o := range options {
		args = append(args, "-o", o)
	}
	return args
}

// DpkgOptions are the arguments that make dpkg work in the root.
func (r *Root) DpkgOptions() []string {
	return []string{"--root=" + r.Dir, "--force-script-chrootless", "--force-not-root", "--log=" + filepath.Join(r.Dir, "var/log/dpkg.log")}
}

// Prefix is what goes before apt and dpkg so that they believe to be root.
func Prefix() []string {
	if os.Geteuid() == 0 {
		return nil
	}
	return []string{"fakeroot", "--"}
}

// Run runs a program with the root's environment and gives what it wrote.
func (r *Root) Run(ctx context.Context, args ...string) (string, error) {
	args = append(Prefix(), args...)
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "DEBIAN_FRONTEND=noninteractive", "HOME=" + r.Dir, "TMPDIR=" + filepath.Join(r.Dir, "tmp")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("running %s: %w\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Apt runs "apt-get", "apt-cache" or "apt" in the root.
func (r *Root) Apt(ctx context.Context, program string, args ...string) (string, error) {
	return r.Run(ctx, append(append([]string{program}, r.AptOptions()...), args...)...)
}

// Dpkg runs dpkg in the root.
func (r *Root) Dpkg(ctx context.Context, args ...string) (string, error) {
	return r.Run(ctx, append(append([]string{"dpkg"}, r.DpkgOptions()...), args...)...)
}

// Install builds packages and installs them with dpkg, past apt, so that they
// are there before the test begins.
func (r *Root) Install(ctx context.Context, packages ...Package) error {
	var files []string
	for _, p := range packages {
		deb, err := p.Build()
		if err != nil {
			return fmt.Errorf("building %s: %w", p.Name, err)
		}
		path := filepath.Join(r.Dir, "tmp", p.Filename())
		if err := os.WriteFile(path, deb, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", path, err)
		}
		files = append(files, path)
	}
	_, err := r.Dpkg(ctx, append([]string{"--install", "--force-depends"}, files...)...)
	return err
}

// Upgradable is apt's own answer in the root: "name version" for every line of
// `apt list --upgradable`.
func (r *Root) Upgradable(ctx context.Context) ([]string, error) {
	out, err := r.Apt(ctx, "apt", "list", "--upgradable", "-qq")
	if err != nil {
		return nil, err
	}
	return ParseUpgradable(out), nil
}

// ParseUpgradable reads the output of `apt list --upgradable` as "name version".
func ParseUpgradable(out string) []string {
	var list []string
	for line := range strings.Lines(out) {
		name, rest, ok := strings.Cut(line, "/")
		fields := strings.Fields(rest)
		if ok && len(fields) >= 3 && strings.Contains(line, "[upgradable from: ") {
			list = append(list, name+" "+fields[1])
		}
	}
	return list
}
