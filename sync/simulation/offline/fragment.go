package offline

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// edge says which of the two sources lacks that one update supersedes another,
// so many places on in its line. No edge is missing in both.
func (p *plan) edge(newer *bundlePlan, distance int32) (core, graph bool) {
	core, graph = distance <= longestEdges, distance <= longestBackward
	if core && graph {
		switch p.chance("edge", int(newer.number)<<8|int(distance)).IntN(50) {
		case 0:
			return false, true
		case 1:
			return true, false
		}
	}
	return core, graph
}

// core writes a core fragment.
func (p *plan) core(b []byte, r revisionPlan) []byte {
	id := p.id(r)
	switch r.kind {
	case thingCategory:
		c := &p.categories[r.index]
		// Real ones are written in capitals here, and in small letters in package.xml.
		b = identity(b, strings.ToUpper(id), p.revision(r))
		b = append(b, `<Properties UpdateType="Category" />`...)
		if c.parent >= 0 {
			b = append(b, `<Relationships><Prerequisites>`...)
			b = p.isCategory(b, c.parent)
			b = append(b, `</Prerequisites></Relationships>`...)
		}
		return append(b, `<ApplicabilityRules><IsInstalled><True /></IsInstalled></ApplicabilityRules>`...)
	case thingDetectoid:
		b = identity(b, id, p.revision(r))
		b = append(b, `<Properties UpdateType="Detectoid" /><ApplicabilityRules><IsInstalled>`...)
		if r.index < int32(len(architectures)) {
			b = fmt.Appendf(b, `<b.Processor Architecture="%s" />`, architectures[r.index].processor)
		} else {
			n := int(r.index)
			b = fmt.Appendf(b, `<Or><b.RegDword Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Example\Product%d" Value="Installed" Comparison="EqualTo" Data="1" />`+
				`<And><b.WindowsVersion Comparison="GreaterThanOrEqualTo" MajorVersion="%d" MinorVersion="%d" /><b.FileExists Path="\Example\product%d.dll" Csidl="38" /></And></Or>`, n, 5+n%6, n%4, n)
		}
		return append(b, `</IsInstalled></ApplicabilityRules>`...)
	case thingBundle:
		return p.bundleCore(b, r)
	}
	return p.memberCore(b, r)
}

func identity(b []byte, id string, revision int) []byte {
	return fmt.Appendf(b, `<UpdateIdentity UpdateID="%s" RevisionNumber="%d" />`, id, revision)
}

// revision is the RevisionNumber of a thing.
func (p *plan) revision(r revisionPlan) int {
	switch r.kind {
	case thingCategory:
		return 100 + int(r.index)%3
	case thingDetectoid:
		return 100 + int(r.index)%7
	case thingMember:
		return p.revision(revisionPlan{thingBundle, p.members[r.index].bundle})
	}
	return 200 + int(r.index)%5
}

func (p *plan) isCategory(b []byte, category int) []byte {
	return fmt.Appendf(b, `<AtLeastOne IsCategory="true"><UpdateIdentity UpdateID="%s" /></AtLeastOne>`, p.categories[category].id)
}

func (p *plan) bundleCore(b []byte, r revisionPlan) []byte {
	bundle := &p.bundles[r.index]
	line := &p.lines[bundle.line]
	b = identity(b, p.id(r), p.revision(r))
	b = append(b, `<Properties UpdateType="Software" ExplicitlyDeployable="true" AutoSelectOnWebSites="true"`...)
	if p.terms(r.index) {
		b = fmt.Appendf(b, ` EulaID="%s"`, p.guid("terms", line.product))
	}
	b = append(b, ` /><Relationships>`...)
	if bundle.place > 0 {
		from := len(b)
		b = append(b, `<SupersededUpdates>`...)
		empty := len(b)
		for d := int32(1); d <= min(bundle.place, longestEdges); d++ {
			if core, _ := p.edge(bundle, d); core {
				b = fmt.Appendf(b, `<UpdateIdentity UpdateID="%s" />`, p.guid("bundle", int(line.bundles[bundle.place-d])))
			}
		}
		if p.chance("outside", int(r.index)).Float64() < p.outside {
			b = fmt.Appendf(b, `<UpdateIdentity UpdateID="%s" />`, p.guid("outside", int(r.index)))
		}
		if len(b) == empty {
			b = b[:from]
		} else {
			b = append(b, `</SupersededUpdates>`...)
		}
	}
	b = append(b, `<Prerequisites>`...)
	b = p.isCategory(b, line.product)
	b = p.isCategory(b, line.class(bundle.place))
	b = fmt.Appendf(b, `<AtLeastOne><UpdateIdentity UpdateID="%s" /></AtLeastOne></Prerequisites>`, p.guid("detectoid", line.arch))
	if bundle.count > 0 {
		b = append(b, `<BundledUpdates>`...)
		if bundle.count > 1 {
			b = append(b, `<AtLeastOne>`...)
		}
		for m := bundle.first; m < bundle.first+bundle.count; m++ {
			b = fmt.Appendf(b, `<UpdateIdentity UpdateID="%s" RevisionNumber="%d" />`, p.guid("member", int(m)), p.revision(revisionPlan{thingMember, m}))
		}
		if bundle.count > 1 {
			b = append(b, `</AtLeastOne>`...)
		}
		b = append(b, `</BundledUpdates>`...)
	}
	return append(b, `</Relationships>`...)
}

// terms says whether an update has licence terms; few have.
func (p *plan) terms(bundle int32) bool { return bundle%50 == 7 }

func (p *plan) memberCore(b []byte, r revisionPlan) []byte {
	member := &p.members[r.index]
	bundle := &p.bundles[member.bundle]
	line := &p.lines[bundle.line]
	arch := architectures[line.arch]
	b = identity(b, p.id(r), p.revision(r))
	b = append(b, `<Properties UpdateType="Software" /><Relationships><Prerequisites>`...)
	b = p.isCategory(b, line.product)
	b = p.isCategory(b, line.class(bundle.place))
	b = fmt.Appendf(b, `<UpdateIdentity UpdateID="%s" /><UpdateIdentity UpdateID="%s" /></Prerequisites></Relationships><ApplicabilityRules>`,
		p.guid("detectoid", line.arch), p.guid("detectoid", len(architectures)+int(bundle.line)%(p.detectoids-len(architectures))))
	switch {
	case member.weight > 0:
		b = append(b, `<IsInstalled><CbsPackageInstalled /></IsInstalled><IsInstallable><CbsPackageInstallable /></IsInstallable><Metadata><CbsPackageApplicabilityMetadata>`...)
		b = fmt.Appendf(b, `<assembly xmlns="urn:schemas-microsoft-com:asm.v3" manifestVersion="1.0" description="Fix for KB%d" displayName="default" company="Microsoft Corporation" `+
			`copyright="Microsoft Corporation" supportInformation="https://support.example/help/%d" creationTimeStamp="%s" lastUpdateTimeStamp="%s">`+
			`<assemblyIdentity name="Package_for_KB%d" version="10.0.1.%d" processorArchitecture="%s" language="neutral" publicKeyToken="31bf3856ad364e35" />`+
			`<package identifier="KB%d" releaseType="Security Update" restart="possible">`,
			bundle.number, bundle.number, stamp(bundle.made), stamp(bundle.made), bundle.number, r.index%9+1, arch.name, bundle.number)
		b = p.manifest(b, r.index, arch.name)
		b = append(b, `</package></assembly></CbsPackageApplicabilityMetadata></Metadata>`...)
	case line.kind == lineRelease:
		b = fmt.Appendf(b, `<IsInstalled><ProductReleaseInstalled Name="Client.OS.%s" Version="10.0.%d.%d" /></IsInstalled><IsInstallable><And>`+
			`<DeviceAttribute Name="OSVersion" Type="Version" Comparison="GreaterThanOrEqualTo" Value="10.0.%d.1" />`+
			`<DeviceAttribute Name="OSVersion" Type="Version" Comparison="LessThan" Value="10.0.%d.0" /></And></IsInstallable>`,
			arch.name, 17000+line.product, 100+bundle.place, 17000+line.product, 17001+line.product)
	case line.kind == lineOffice:
		code := p.guid("patch", int(r.index))
		b = fmt.Appendf(b, `<IsInstalled><m.MsiPatchInstalled /></IsInstalled><IsSuperseded><m.MsiPatchSuperseded /></IsSuperseded><IsInstallable><m.MsiPatchInstallable /></IsInstallable>`+
			`<Metadata><m.MsiPatchMetadata><MsiPatch xmlns="http://www.microsoft.com/msi/patch_applicability.xsd" SchemaVersion="1.0.0.0" PatchGUID="{%s}" MinMsiVersion="3">`+
			`<TargetProduct MinMsiVersion="3"><TargetProductCode Validate="true">{%s}</TargetProductCode></TargetProduct></MsiPatch></m.MsiPatchMetadata></Metadata>`, code, p.guid("msi", line.product))
	default:
		b = fmt.Appendf(b, `<IsInstalled><And><b.FileVersionPrependRegSz Path="example%d.dll" Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Example\Product%d" Value="InstallPath" `+
			`Comparison="GreaterThanOrEqualTo" Version="6.1.%d.%d" /><Not><b.RegKeyExists Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Example\Product%d\Removed" /></Not></And></IsInstalled>`+
			`<IsInstallable><b.FileExistsPrependRegSz Path="example%d.dll" Key="HKEY_LOCAL_MACHINE" Subkey="SOFTWARE\Example\Product%d" Value="InstallPath" /></IsInstallable>`,
			r.index%500, line.product, 7600+bundle.place, 17000+r.index%1000, line.product, r.index%500, line.product)
	}
	return append(b, `</ApplicabilityRules>`...)
}

// manifest writes the component tree of a package, as long as the member's weight
// wants it.
func (p *plan) manifest(b []byte, member int32, arch string) []byte {
	m := &p.members[member]
	want := len(b) + int(m.weight*p.extra)
	r := p.chance("manifest", int(member))
	number := p.bundles[m.bundle].number
	for n := 1; len(b) < want; n++ {
		chance := r.Uint64()
		part := parts[chance%uint64(len(parts))]
		b = append(b, `<update name="`...)
		b = appendInt(b, int64(number))
		b = append(b, '-')
		b = appendInt(b, int64(n))
		b = append(b, `_neutral_PACKAGE"><package integrate="hidden"><parent buildCompare="EQ" revisionCompare="GE" serviceCompare="EQ"><assemblyIdentity name="Microsoft-Windows-`...)
		b = append(b, part...)
		b = append(b, `-Package" version="10.0.17763.`...)
		b = appendInt(b, int64(chance>>8&4095))
		b = append(b, `" processorArchitecture="`...)
		b = append(b, arch...)
		b = append(b, `" language="neutral" publicKeyToken="31bf3856ad364e35" /></parent><assemblyIdentity name="Package_`...)
		b = appendInt(b, int64(n))
		b = append(b, "_for_KB"...)
		b = appendInt(b, int64(number))
		b = append(b, `" version="10.0.1.`...)
		b = appendInt(b, int64(chance>>24&7))
		b = append(b, `" processorArchitecture="`...)
		b = append(b, arch...)
		b = append(b, `" language="neutral" publicKeyToken="31bf3856ad364e35" /></package></update>`...)
	}
	return b
}

// extended writes an extended fragment.
func (p *plan) extended(b []byte, r revisionPlan) []byte {
	switch r.kind {
	case thingCategory:
		c := &p.categories[r.index]
		return fmt.Appendf(b, `<ExtendedProperties DefaultPropertiesLanguage="en" Handler="http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/Category" MaxDownloadSize="0" MinDownloadSize="0" />`+
			`<HandlerSpecificData type="cat:Category"><CategoryInformation CategoryType="%s" ProhibitsSubcategories="%t" ProhibitsUpdates="%t" DisplayOrder="%d" /></HandlerSpecificData>`,
			c.kind, c.kind == "Product" || c.kind == "UpdateClassification", c.kind == "Company" || c.kind == "ProductFamily", r.index)
	case thingDetectoid:
		return append(b, `<ExtendedProperties DefaultPropertiesLanguage="en" MaxDownloadSize="0" MinDownloadSize="0" />`...)
	case thingBundle:
		bundle := &p.bundles[r.index]
		line := &p.lines[bundle.line]
		b = append(b, `<ExtendedProperties DefaultPropertiesLanguage="en" BrowseOnly="false"`...)
		if class := line.class(bundle.place); class == classSecurity || class == classCritical {
			b = fmt.Appendf(b, ` MsrcSeverity="%s"`, [...]string{"Critical", "Important", "Important", "Moderate"}[r.index%4])
		}
		b = fmt.Appendf(b, `><MoreInfoUrl>https://support.example/help/%d</MoreInfoUrl><SupportUrl>https://support.example/help/%d</SupportUrl><Language>all</Language>`, bundle.number, bundle.number)
		if line.kind == lineSecurity && bundle.made.Year() < 2018 {
			b = fmt.Appendf(b, `<SecurityBulletinID>MS%02d-%03d</SecurityBulletinID>`, bundle.made.Year()%100, r.index%150+1)
		}
		return fmt.Appendf(b, `<KBArticleID>%d</KBArticleID></ExtendedProperties>`, bundle.number)
	}
	return p.memberExtended(b, r)
}

func (p *plan) memberExtended(b []byte, r revisionPlan) []byte {
	member := &p.members[r.index]
	bundle := &p.bundles[member.bundle]
	f := p.file(member.file)
	handler, data := "CommandLineInstallation", `<HandlerSpecificData type="cmd:CommandLineInstallation"><InstallCommand Program="`+f.name+
		`" Arguments="/quiet /norestart" RebootByDefault="false" DefaultResult="Failed"><ReturnCode Code="0" Result="Succeeded" Reboot="false" /><ReturnCode Code="3010" Result="Succeeded" Reboot="true" /></InstallCommand></HandlerSpecificData>`
	switch kind := p.lines[bundle.line].kind; {
	case member.weight > 0:
		handler, data = "Cbs", `<HandlerSpecificData type="cbs:Cbs"><CbsData PackageIdentity="" /></HandlerSpecificData>`
	case kind == lineRelease:
		handler, data = "OSInstaller", `<HandlerSpecificData type="OSInstallerMetadata"><OSInstallData InitialModule="UpdateAgent.dll" /></HandlerSpecificData>`
	case kind == lineOffice:
		handler, data = "WindowsInstaller", `<HandlerSpecificData type="msp:WindowsInstaller"><MspData FullFilePatchCode="{`+p.guid("patch", int(r.index))+`}" /></HandlerSpecificData>`
	}
	b = fmt.Appendf(b, `<ExtendedProperties DefaultPropertiesLanguage="en" Handler="http://schemas.microsoft.com/msus/2002/12/UpdateHandlers/%s" MaxDownloadSize="%d" MinDownloadSize="0">`+
		`<InstallationBehavior RebootBehavior="%s"`, handler, f.size, [...]string{"CanRequestReboot", "NeverReboots", "CanRequestReboot", "AlwaysRequiresReboot"}[member.bundle%4])
	if member.bundle%97 == 5 {
		b = append(b, ` CanRequestUserInput="true"`...)
	}
	b = append(b, ` />`...)
	if member.bundle%3 != 0 {
		b = append(b, `<UninstallationBehavior RebootBehavior="CanRequestReboot" />`...)
	}
	b = fmt.Appendf(b, `<Language>all</Language></ExtendedProperties><Files><File Digest="%s" DigestAlgorithm="SHA1" FileName="%s" Size="%d" Modified="%s" PatchingType="SelfContained">`+
		`<AdditionalDigest Algorithm="SHA256">%s</AdditionalDigest></File></Files>`, base64.StdEncoding.EncodeToString(f.sha1[:]), f.name, f.size, stamp(bundle.made), base64.StdEncoding.EncodeToString(f.sha256[:]))
	return append(b, data...)
}

// localized writes the text of a bundle, a category or a detectoid.
func (p *plan) localized(b []byte, r revisionPlan, language string) []byte {
	b = fmt.Appendf(b, `<LocalizedProperties><Language>%s</Language><Title>`, language)
	switch r.kind {
	case thingCategory:
		return fmt.Appendf(b, `%s</Title><Description>%s</Description></LocalizedProperties>`, p.categories[r.index].title, p.categories[r.index].title)
	case thingDetectoid:
		return fmt.Appendf(b, `Detectoid %d</Title></LocalizedProperties>`, r.index)
	}
	bundle := &p.bundles[r.index]
	line := &p.lines[bundle.line]
	words, ok := titles[language]
	if !ok {
		words = titles["en"]
	}
	product := p.categories[line.product].title
	b = fmt.Appendf(b, words[line.kind], bundle.made.Format("2006-01"), product, architectures[line.arch].title, bundle.number)
	return fmt.Appendf(b, `</Title><Description>`+described+`</Description><MoreInfoUrl>https://support.example/help/%d</MoreInfoUrl><SupportUrl>https://support.example/help/%d</SupportUrl></LocalizedProperties>`,
		product, bundle.number, bundle.number)
}

// filePlan is a payload file.
type filePlan struct {
	name   string
	size   int64
	sha1   [sha1.Size]byte
	sha256 [sha256.Size]byte
}

func (p *plan) file(n int32) filePlan {
	member := p.files[n]
	bundle := &p.bundles[p.members[member].bundle]
	var seed [16]byte
	binary.LittleEndian.PutUint64(seed[:], p.Seed)
	binary.LittleEndian.PutUint64(seed[8:], uint64(n))
	f := filePlan{sha1: sha1.Sum(seed[:]), sha256: sha256.Sum256(seed[:])}
	f.size = 20_000 + int64(binary.LittleEndian.Uint32(f.sha256[:]))%(1<<uint(16+f.sha256[5]%14))
	f.name = fmt.Sprintf("windows10.0-kb%d-%s-%d.cab", bundle.number, architectures[p.lines[bundle.line].arch].name, member-bundle.first)
	return f
}

// url is where a file is; its name ends in the SHA-1, as real ones do.
func (p *plan) url(n int32) string {
	f := p.file(n)
	made := p.bundles[p.members[p.files[n]].bundle].made
	return fmt.Sprintf("http://download.windowsupdate.com/%c/msdownload/update/software/secu/%s/%s_%s.cab",
		"cd"[n%2], made.Format("2006/01"), strings.TrimSuffix(f.name, ".cab"), hex.EncodeToString(f.sha1[:]))
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
