package disclosure

import (
	"strings"
	"unicode"
)

// A vocabulary is written "label: term term …", one line per label; a label
// is also a term for itself.

const machineTypes = `five-axis: 5_axis_machining_center five_axis 5_axis multiaxis_machining_center
four-axis: 4_axis_mill
three-axis: 3_axis_mill
vertical machining: vertical_machining_center
horizontal machining: horizontal_machining_center
CNC turning: cnc_lathe cnc_turning_center
mill-turn: mill_turn_center
grinding: surface_grinder cylindrical_grinder grinder
wire EDM: wire_edm_machine
coordinate measuring: cmm coordinate_measuring_machine
laser cutting: laser_cutting laser_cutter
waterjet cutting: waterjet_cutting waterjet_cutter
press brake: press_brake
stamping press: stamping_press
injection moulding: injection_moulding_machine injection_molding_machine
metal powder-bed fusion: metal_powder_bed_fusion metal_pbf dmls slm
polymer sintering: polymer_powder_bed_fusion polymer_sls sls
robot cell: robot_cell`

// A family line is "label: narrower label, narrower label …".

const machineFamilies = `machining centre: five-axis, four-axis, three-axis, vertical machining, horizontal machining, mill-turn
sheet metal: laser cutting, waterjet cutting, press brake, stamping press`

const materials = `titanium: titanium_alloy ti_6al_4v ti-6al-4v
nickel alloys: nickel_superalloy nickel_alloy inconel_718 inconel_625
aluminium: aluminum_alloy aluminum aluminum_6061 aluminum_7075_t6
stainless steel: stainless_steel
steel: carbon_steel tool_steel alloy_steel
non-ferrous metals: non_ferrous copper brass
polymers: polymer plastic peek`

const materialFamilies = `high-temperature alloys: titanium, nickel alloys
metals: aluminium, stainless steel, steel, non-ferrous metals`

const processes = `turning: finish_turning
milling:
high-speed milling: high_speed_milling
welding: tig mig
heat treatment: heat_treatment
coating:
electrical discharge machining: edm
thread milling: threadmilling thread_milling
CMM inspection: inspection_cmm cmm_inspection
deburring:
grinding:
metal powder-bed fusion: metal_powder_bed_fusion metal_pbf dmls slm
polymer sintering: polymer_powder_bed_fusion polymer_sls sls
PLC programming: plc_programming plc
robot programming: robot_programming
metrology: gauge_rr cmm_programming
stamping: metal_stamping
injection moulding: injection_moulding injection_molding
quality systems: iatf_16949_guidance quality_system iatf16949_programme`

const credentials = `AS9100D: as9100
AS9110:
AS9120:
ISO 9001: iso_9001 iso9001
ISO 13485: iso_13485 iso13485
ISO 14001: iso_14001 iso14001
IATF 16949: iatf_16949 iatf16949
ISO/IEC 17025: iso_17025 iso17025
NADCAP:
CWB: csa_w47.1`

const shifts = `first shift: shift1 first
second shift: shift2 second
third shift: shift3 third
weekends: weekend`

// terms reads a vocabulary.
func terms(text string) map[string]string {
	m := make(map[string]string)
	for line := range strings.Lines(text) {
		label, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		m[normalTerm(label)] = label
		for t := range strings.FieldsSeq(rest) {
			m[normalTerm(t)] = label
		}
	}
	return m
}

// families maps the terms of a vocabulary to the families of their labels; a
// term whose label has no family is hidden at that level.
func families(vocabulary, text string) map[string]string {
	up := make(map[string]string)
	for line := range strings.Lines(text) {
		family, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		for label := range strings.SplitSeq(rest, ",") {
			up[strings.TrimSpace(label)] = family
		}
	}
	m := terms(vocabulary)
	for t, label := range m {
		m[t] = up[label]
	}
	return m
}

// normalTerm folds the spellings of one vocabulary term: case, and blanks,
// underscores and hyphens.
func normalTerm(t string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || r == '-' {
			return '_'
		}
		return unicode.ToLower(r)
	}, strings.TrimSpace(t))
}
