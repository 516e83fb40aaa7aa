package world

import "github.com/deeperpoint/csss/match"

// A city of the world, with its share of the firms in thousandths.
type city struct {
	name   string
	region string // economic region
	at     match.Point
	share  int
}

// The cities. Shares by region: Toronto 334, Kitchener–Waterloo–Barrie 226,
// Windsor–Sarnia 123 (Ontario machinery manufacturing, 2023); the rest is
// split by guess.
var (
	hamilton    = city{"Hamilton", "hamilton_niagara", match.Point{Lat: 43.2557, Lon: -79.8711}, 110}
	brantford   = city{"Brantford", "hamilton_niagara", match.Point{Lat: 43.1394, Lon: -80.2644}, 50}
	kitchener   = city{"Kitchener", "kitchener_waterloo_barrie", match.Point{Lat: 43.4516, Lon: -80.4925}, 90}
	cambridge   = city{"Cambridge", "kitchener_waterloo_barrie", match.Point{Lat: 43.3616, Lon: -80.3144}, 76}
	guelph      = city{"Guelph", "kitchener_waterloo_barrie", match.Point{Lat: 43.5448, Lon: -80.2482}, 60}
	toronto     = city{"Toronto", "toronto", match.Point{Lat: 43.6532, Lon: -79.3832}, 130}
	mississauga = city{"Mississauga", "toronto", match.Point{Lat: 43.5890, Lon: -79.6441}, 114}
	oakville    = city{"Oakville", "toronto", match.Point{Lat: 43.4675, Lon: -79.6877}, 45}
	burlington  = city{"Burlington", "toronto", match.Point{Lat: 43.3255, Lon: -79.7990}, 45}
	london      = city{"London", "london", match.Point{Lat: 42.9849, Lon: -81.2453}, 100}
	stratford   = city{"Stratford", "stratford_bruce", match.Point{Lat: 43.3700, Lon: -80.9822}, 57}
	windsor     = city{"Windsor", "windsor_sarnia", match.Point{Lat: 42.3149, Lon: -83.0364}, 123}
)

var cities = []city{hamilton, brantford, kitchener, cambridge, guelph, toronto, mississauga, oakville, burlington, london,
	stratford, windsor}

// A machine of the vocabulary: what it is called, what it usually cuts and
// reaches, and what an hour of it costs in cents.
type machine struct {
	term      string
	phrases   []string
	models    []string
	materials []string // grades that co-occur with it
	envelope  [3]float64
	tolerance float64 // mm
	rate      int64
	weight    int
	extras    []string
}

var machines = []machine{
	{"vertical_machining_center", []string{"vertical machining centre", "VMC", "three-axis vertical machining centre with probing"},
		[]string{"VF-4", "VCN-530C", "DNM 5700"}, []string{"aluminum_6061", "aluminum_7075_t6", "carbon_steel", "stainless_steel"},
		[3]float64{1000, 520, 510}, 0.02, 8200, 22, []string{"pallet changer", "twin vices ready", "in-process probing"}},
	{"cnc_lathe", []string{"CNC lathe", "turning centre", "CNC turning centre with live tools"},
		[]string{"QTN-250", "LB3000", "ST-25"}, []string{"carbon_steel", "stainless_steel", "aluminum_6061", "inconel_625"},
		[3]float64{350, 350, 600}, 0.01, 7600, 20, []string{"bar feeder", "sub-spindle", "live tooling"}},
	{"3_axis_mill", []string{"3-axis mill", "three-axis milling machine", "bed mill"},
		[]string{"FBM-5", "TM-2"}, []string{"aluminum_6061", "carbon_steel", "plastic"},
		[3]float64{1200, 500, 600}, 0.05, 6200, 12, []string{"long table", "quick change-over", "small lots welcome"}},
	{"4_axis_mill", []string{"4-axis mill", "four-axis horizontal mill", "mill with a rotary fourth axis"},
		[]string{"HCN-5000", "a51"}, []string{"aluminum_7075_t6", "carbon_steel", "stainless_steel"},
		[3]float64{630, 560, 560}, 0.015, 9400, 10, []string{"tombstone fixtures", "through-spindle coolant", "tool-life monitoring"}},
	{"5_axis_machining_center", []string{"five-axis machining centre", "5-axis mill", "simultaneous five-axis centre"},
		[]string{"D500", "DMU 65", "UMC-750"}, []string{"aluminum_7075_t6", "ti_6al_4v", "inconel_718", "stainless_steel"},
		[3]float64{500, 450, 400}, 0.008, 12200, 12,
		[]string{"high-pressure coolant", "simultaneous toolpaths proven", "trunnion table"}},
	{"multiaxis_machining_center", []string{"mill-turn centre", "multitasking machine", "multi-axis machining centre"},
		[]string{"i-200", "NTX 1000"}, []string{"stainless_steel", "inconel_625", "carbon_steel", "aluminum_7075_t6"},
		[3]float64{400, 400, 900}, 0.01, 13100, 6, []string{"done in one clamping", "B-axis head", "twin spindles"}},
	{"laser_cutting", []string{"fibre laser", "laser cutting cell", "flat-bed laser"},
		[]string{"L3030", "ByStar"}, []string{"carbon_steel", "stainless_steel", "aluminum_6061"},
		[3]float64{3000, 1500, 20}, 0.1, 14800, 10, []string{"nitrogen assist", "automatic loading", "nesting done by us"}},
	{"waterjet_cutting", []string{"waterjet", "abrasive waterjet table", "waterjet cutting table"},
		[]string{"Mach 300", "5555"}, []string{"ti_6al_4v", "stainless_steel", "aluminum_6061", "plastic"},
		[3]float64{3600, 1800, 150}, 0.13, 11900, 8,
		[]string{"taper compensation", "thick plate up to 150 mm", "no heat-affected zone"}},
}

// A grade of material, its family as summaries word it, and how people write it.
type grade struct {
	family  string
	phrases []string
}

var grades = map[string]grade{
	"aluminum_6061":    {"aluminium", []string{"6061 aluminium", "aluminium 6061-T6", "general aluminium"}},
	"aluminum_7075_t6": {"aluminium", []string{"7075-T6 aluminium", "aircraft aluminium", "aluminium 7075"}},
	"ti_6al_4v":        {"titanium", []string{"Ti-6Al-4V", "grade 5 titanium", "titanium 6-4"}},
	"inconel_625":      {"nickel alloys", []string{"Inconel 625", "alloy 625"}},
	"inconel_718":      {"nickel alloys", []string{"Inconel 718", "alloy 718", "nickel superalloys"}},
	"stainless_steel":  {"stainless steel", []string{"stainless", "300-series stainless", "17-4 stainless"}},
	"carbon_steel":     {"steel", []string{"carbon steel", "4140 steel", "mild and alloy steel"}},
	"plastic":          {"polymers", []string{"engineering plastics", "acetal and nylon", "PEEK"}},
}

// A craft is a field in which firms lend people.
type craft struct {
	category string
	role     string
	topics   []string
	process  string // as summaries word it; empty = none
	families []string
	titles   []string
	offers   []string // what they can do, as listings word it
	asks     []string // what others lack, as needs word it
	rate     int64    // cents per hour
	weight   int
}

var crafts = []craft{
	{"expertise.machining", "process_specialist",
		[]string{"high-speed-milling", "deep-hole-drilling", "workholding", "chatter", "threading", "surface-finish", "hard-turning"},
		"milling", []string{"aluminium", "stainless steel", "steel"},
		[]string{"process engineer", "senior machinist", "manufacturing engineer"},
		[]string{"cures chatter and poor surface finish", "sets feeds, speeds and tool choice", "plans workholding for thin walls",
			"brings down cycle times on repeat jobs"},
		[]string{"chatter marks on thin walls", "drills that wander in deep holes", "short tool life in stainless"}, 11500, 20},
	{"expertise.programming", "programmer",
		[]string{"cam", "toolpaths", "post-processors", "probing-macros", "simulation"}, "milling", nil,
		[]string{"CAM programmer", "NC programmer", "manufacturing programmer"},
		[]string{"programs simultaneous toolpaths", "writes and repairs post-processors", "proves programs out by simulation",
			"builds probing macros"},
		[]string{"a post-processor that gouges on rapid moves", "a backlog of toolpaths", "no macro for part probing"}, 10500, 22},
	{"expertise.welding", "welding_engineer",
		[]string{"tig", "orbital-welding", "distortion", "weld-procedures", "inspection"}, "welding",
		[]string{"stainless steel", "nickel alloys", "aluminium"},
		[]string{"welding engineer", "welding supervisor", "joining specialist"},
		[]string{"writes weld procedures and qualifies welders", "keeps distortion of thin sheet in hand", "sets up orbital TIG"},
		[]string{"porosity in stainless welds", "frames that pull out of square", "a procedure that has to be qualified"}, 9800, 14},
	{"expertise.quality.iso9001", "quality_manager",
		[]string{"iso-9001", "internal-audit", "document-control", "corrective-action"}, "quality systems", nil,
		[]string{"quality manager", "lead auditor", "quality engineer"},
		[]string{"prepares shops for ISO 9001", "leads internal audits", "cleans up document control"},
		[]string{"a surveillance audit next month", "corrective actions that stay open", "a quality manual nobody reads"}, 10800, 12},
	{"expertise.quality.as9100", "quality_manager",
		[]string{"as9100", "first-article", "configuration", "internal-audit"}, "quality systems", nil,
		[]string{"aerospace quality lead", "quality manager"},
		[]string{"takes first-article inspection in hand", "closes gaps towards AS9100", "trains auditors for aerospace work"},
		[]string{"a first article that was rejected", "a gap analysis for aerospace work"}, 12500, 8},
	{"expertise.quality.iso13485", "quality_manager",
		[]string{"iso-13485", "process-validation", "risk-management"}, "quality systems", nil,
		[]string{"medical quality lead", "validation engineer"},
		[]string{"validates processes for medical parts", "builds risk files", "prepares for ISO 13485"},
		[]string{"a process validation before shipment", "risk files for a medical customer"}, 12900, 7},
	{"expertise.tooling", "toolmaker",
		[]string{"die-design", "mould-flow", "fixtures", "jigs"}, "", nil,
		[]string{"toolmaker", "die designer", "fixture designer"},
		[]string{"designs progressive dies", "repairs moulds", "designs fixtures that load in seconds"},
		[]string{"a die that galls", "fixtures that take too long to load", "a mould that flashes"}, 9900, 12},
	{"expertise.maintenance", "maintenance_lead",
		[]string{"spindles", "hydraulics", "vibration-analysis", "preventive-maintenance"}, "", nil,
		[]string{"maintenance lead", "millwright", "service technician"},
		[]string{"rebuilds spindles", "reads vibration before bearings fail", "sets up preventive maintenance"},
		[]string{"a spindle that runs hot", "an axis that loses position", "breakdowns every other week"}, 9200, 12},
	{"expertise.planning", "production_planner",
		[]string{"scheduling", "quoting", "lean", "set-up-reduction"}, "", nil,
		[]string{"production planner", "lean coach", "estimator"},
		[]string{"shortens set-ups", "puts finite scheduling to work", "makes quoting repeatable"},
		[]string{"late orders on every second job", "set-ups that eat half the shift", "quotes that take a week"}, 8900, 11},
}

// industries of the firms, with what they are certified for.
type industry struct {
	naics   string
	sectors []string
	schemes []string
	weight  int
}

var industries = []industry{
	{"332710", []string{"general_industrial"}, []string{"ISO9001"}, 34},
	{"333511", []string{"automotive"}, []string{"ISO9001", "IATF16949"}, 10},
	{"336410", []string{"aerospace", "defense"}, []string{"AS9100D", "ISO9001"}, 12},
	{"332118", []string{"automotive"}, []string{"ISO9001", "IATF16949"}, 8},
	{"336350", []string{"automotive"}, []string{"IATF16949"}, 9},
	{"334512", []string{"medical"}, []string{"ISO13485"}, 8},
	{"333611", []string{"power_generation"}, []string{"ISO9001"}, 8},
	{"332321", []string{"general_industrial"}, []string{"ISO9001", "CSA_W47.1"}, 7},
	{"336611", []string{"marine"}, []string{"ISO9001"}, 4},
}
