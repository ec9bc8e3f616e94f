package publisher

import (
	"strconv"
	"strings"
)

// Rules are the applicability rules of an item (update-metadata 4): not
// installed and installable means needed.
type Rules struct {
	Installed, Superseded, Installable *Rule
	Metadata                           []Rule // what the rules look at, such as a package's manifest
}

func (r Rules) empty() bool {
	return r.Installed == nil && r.Superseded == nil && r.Installable == nil && len(r.Metadata) == 0
}

// Rule is one expression, and metadata that has the same form.
type Rule struct {
	Name       string   // with the usual prefix, such as "lar:And" or "bar:RegDword"; without one where Namespace holds
	Namespace  string   // of foreign metadata; what is inside without a prefix has it too
	Attributes []string // names and values in turns
	Of         []Rule
	Open       bool // written with an end tag although there is nothing inside
}

// Is makes an expression of a name with its prefix and attributes, which are
// names and values in turns.
func Is(name string, attributes ...string) Rule { return Rule{Name: name, Attributes: attributes} }

// And holds when all of its expressions do.
func And(of ...Rule) Rule { return Rule{Name: "lar:And", Of: of} }

// Or holds when one of its expressions does.
func Or(of ...Rule) Rule { return Rule{Name: "lar:Or", Of: of} }

// Not holds when its expression does not.
func Not(of Rule) Rule { return Rule{Name: "lar:Not", Of: []Rule{of}} }

// True always holds.
func True() Rule { return Rule{Name: "lar:True"} }

// False never holds.
func False() Rule { return Rule{Name: "lar:False"} }

// Windows asks for at least a version, "10.0.26100" say; parts may be missing
// from the end.
func Windows(version string) Rule {
	r := Is("bar:WindowsVersion", "Comparison", "GreaterThanOrEqualTo")
	for i, part := range strings.SplitN(version, ".", 3) {
		r.Attributes = append(r.Attributes, [...]string{"MajorVersion", "MinorVersion", "BuildNumber"}[i], part)
	}
	return r
}

// WindowsBuild asks for exactly a build of Windows 10.0.
func WindowsBuild(build int) Rule {
	return Is("bar:WindowsVersion", "Comparison", "EqualTo", "MajorVersion", "10", "MinorVersion", "0", "BuildNumber", strconv.Itoa(build))
}

// Architectures, as processors are asked for them.
const (
	X86   = "0"
	AMD64 = "9"
	ARM64 = "12"
)

// Processor asks for an architecture.
func Processor(architecture string) Rule { return Is("bar:Processor", "Architecture", architecture) }

// RegistryKey asks whether a key of the local machine exists.
func RegistryKey(key string) Rule {
	return Is("bar:RegKeyExists", "Key", "HKEY_LOCAL_MACHINE", "Subkey", key)
}

// FileVersion asks for at least a version of a file below System32.
func FileVersion(path, version string) Rule {
	return Is("bar:FileVersion", "Path", path, "Csidl", "37", "Comparison", "GreaterThanOrEqualTo", "Version", version)
}

// Servicing gives the rules of a package of Windows' components: they ask about
// the manifest in their metadata, and installing it is possible where also
// holds.
func Servicing(name, version, architecture, kb string, also ...Rule) Rules {
	installed, installable := Is("cbsar:CbsPackageInstalled"), Is("cbsar:CbsPackageInstallable")
	if len(also) > 0 {
		installable = And(append([]Rule{installable}, also...)...)
	}
	return Rules{Installed: &installed, Installable: &installable, Metadata: []Rule{{
		Name: "cbsar:CbsPackageApplicabilityMetadata", Of: []Rule{{
			Name: "assembly", Namespace: "urn:schemas-microsoft-com:asm.v3",
			Attributes: []string{"manifestVersion", "1.0", "description", "Fix for KB" + kb, "displayName", "default", "company", "Microsoft Corporation"},
			Of: []Rule{
				Is("assemblyIdentity", "name", name, "version", version, "processorArchitecture", architecture, "language", "neutral", "publicKeyToken", "31bf3856ad364e35"),
				{Name: "package", Attributes: []string{"identifier", "KB" + kb, "releaseType", "Update", "restart", "possible"}, Open: true},
			},
		}},
	}}}
}
