package terms

import "slices"

// Standard returns the standard templates, in the order of this table. The
// caller owns the result.
//
//	consult-v1     an expert of one firm answers a question of another
//	capacity-v1    machine hours, equipment or space of one firm, used for another
//	guidance-v1    an expert guides another firm, some hours a week, to a certification
//
// All three declare the same parameters:
//
//	category   name      required   what is offered: machine.capacity.shift2
//	kind       name      required   kind of need: machine_capacity
//	mode       name      required   remote, on_site or hybrid
//	hours      quantity  required   what is agreed, and the cap: 50 h, 120 m2
//	rate       money     required   price of each unit of that quantity: 120.00
//	currency   currency  required   CAD
//	weeks      count     optional   number of weeks of a weekly engagement: 8
//	per_week   quantity  optional   quantity of each of these weeks: 4 h
//	nonce      nonce     optional   blinds the digest: 32 hexadecimal digits
//
// The clauses parties, scope, weeks, weekly-cap, hours-cap, price, payment,
// acceptance, confidentiality, ip, non-solicitation, conflict, liability,
// insurance, termination, dispute and custody are in each of them under these
// IDs; weeks, weekly-cap and nonce where the parameters are given.
//
// The clause non-solicitation is narrow on purpose: it forbids soliciting, not
// hiring, of people who took part, for 12 months. Promises of this sort between
// employers are restricted in places (in Canada by the Competition Act, s.
// 45(1.1)) and stand best where they serve a larger agreement and do not reach
// beyond it.
func Standard() []Template {
	return []Template{
		{ID: "consult-v1", Version: "1.0.0", Title: "Technical consultation", Clauses: consult(), Params: params()},
		{ID: "capacity-v1", Version: "1.0.0", Title: "Use of capacity", Clauses: capacity(), Params: params()},
		{ID: "guidance-v1", Version: "1.0.0", Title: "Guidance to a certification", Clauses: guidance(), Params: params()},
	}
}

func params() []Param {
	return []Param{
		{Name: "category", Kind: Name, Required: true},
		{Name: "kind", Kind: Name, Required: true},
		{Name: "mode", Kind: Name, Required: true},
		{Name: "hours", Kind: Quantity, Required: true},
		{Name: "rate", Kind: Money, Required: true},
		{Name: "currency", Kind: Currency, Required: true},
		{Name: "weeks", Kind: Count},
		{Name: "per_week", Kind: Quantity},
		{Name: "nonce", Kind: Nonce},
	}
}

func consult() []Clause {
	return slices.Concat(opening(), []Clause{
		{"scope", "What is done", `An expert employed by the Provider helps the Client with a technical question or task (category {{category}}, kind {{kind}}, mode {{mode}}). The Client decides what is done with the result, signs off its own product, and keeps its own duties.`},
		{"limits", "Subjects left out", `The expert does not speak about subjects that either employer has excluded. If the talk reaches one, the expert ends it, and the time until then is paid.`},
	}, weekly(), []Clause{
		{"hours-cap", "Hours", `At most {{hours}} are worked. More hours need a new agreement before they are worked; without one they are not paid.`},
		{"price", "Price", `The Client pays {{rate}} {{currency}} for each hour worked, part of an hour in proportion, with sales tax on top where the law asks for it. Nothing is added for preparation or travel unless both sides agreed to it in writing before.`},
		payment(),
		{"acceptance", "Acceptance", `The work counts as accepted when both sides mark the engagement as completed with the same hours. The Client raises an objection within 5 working days after the last hour; the Provider then has the chance to put it right within the agreed hours.`},
		{"quality", "Care", `The expert works with the care that is usual in the trade. The Provider does not promise a result. The Client tests what it receives before it relies on it in production.`},
	}, secrecy(), []Clause{
		{"ip", "Intellectual property", `Each side keeps what it had before. The Client owns the notes, answers and programs made for it and may use them in its business without limit. The general skill and experience of the expert stay with the expert and the Provider.`},
	}, loyalty(), []Clause{
		{"liability", "Limit of liability", `Neither side is liable for lost profit or standing machines. In all, each side is liable for at most the total price of this engagement. The limit does not hold for intent, gross negligence, injury to people, breach of confidentiality, or the price itself.`},
		{"insurance", "Insurance", `Each side keeps its own commercial general liability insurance. The expert stays insured against accidents at work by the Provider, on the Client's site as well.`},
		{"termination", "Ending early", `Either side may end the engagement at any time, without giving a reason. The Client pays for the time worked until then. The same holds where the rules of either employer no longer allow the engagement.`},
	}, closing())
}

func capacity() []Clause {
	return slices.Concat(opening(), []Clause{
		{"scope", "What is done", `The Provider makes capacity available to the Client (category {{category}}, kind {{kind}}, mode {{mode}}): it runs its machines on the Client's work, lends equipment, or lets the Client use space. The Client gets the use, no share in the thing itself and no lease beyond the agreed time.`},
		{"specification", "Specification", `The Client hands over drawings, revisions, tolerances and inspection plans before the first hour. A change counts only when both sides confirm it in writing; the time that it costs is paid.`},
		{"schedule", "Schedule", `The capacity is held for the Client at the times on record with the engagement. If the Provider cannot keep a time, it says so at once and offers another; the Client may refuse it and pays nothing for the time that was lost.`},
	}, weekly(), []Clause{
		{"hours-cap", "Quantity", `At most {{hours}} are used (h: hours; m2: square metres of floor). More needs a new agreement before it is used; without one it is not paid.`},
		{"price", "Price", `The Client pays {{rate}} {{currency}} for each hour used, part of an hour in proportion, or for each square metre where the quantity is in square metres, with sales tax on top where the law asks for it. The price includes the operator, power and usual consumables. Special tooling and material are paid only if both sides agreed to them in writing before.`},
		payment(),
		{"acceptance", "Acceptance", `The Client inspects parts within 10 working days after delivery, and equipment or space on the day it is handed over and handed back. What is not refused in writing by then is accepted. The Provider makes refused parts again or credits their hours.`},
		{"quality", "Quality", `The Provider works under the certifications that it showed for this engagement, keeps inspection and material records for 7 years, and says at once if a certification lapses. It does not pass the work on to a third firm without the Client's written consent.`},
		{"materials", "Material and tooling", `Material, tooling and gauges that the Client brings stay the Client's. The Provider marks them, uses them for this work only, and gives them back at the end, with offcuts if the Client asks.`},
		{"site", "Safety on site", `Whoever works on or enters the other side's site follows its safety rules. Dangerous goods come onto a site only with the written consent of its owner. Lent equipment and space are handed back as they were received, apart from normal wear.`},
	}, secrecy(), []Clause{
		{"ip", "Intellectual property", `The design of the parts, and programs paid for as part of the work, belong to the Client. The process know-how of the shop belongs to the Provider. Each side keeps what it had before, and the Provider uses the Client's drawings for this work only.`},
	}, loyalty(), []Clause{
		{"liability", "Limit of liability, and indemnity", `Neither side is liable for lost profit or standing machines. In all, each side is liable for at most the total price of this engagement or what its insurance pays, whichever is more. Spoiled material of the Client counts at its replacement value, inside this limit. A side through whose fault somebody else is harmed answers for the claim and keeps the other side free of it. The limit does not hold for intent, gross negligence, injury to people, breach of confidentiality, or the price itself.`},
		{"insurance", "Insurance", `Each side keeps commercial general liability insurance of at least 2,000,000 {{currency}} for each event. The Provider insures its machines and site; the Client insures its material and whatever it brings. Each shows its certificate when asked.`},
		{"warranty", "Warranty", `Parts meet the specification when they are delivered. For 90 days the Provider makes parts again that do not, or credits their hours. Equipment and space are fit for the use stated in the engagement.`},
		{"termination", "Ending early", `Either side may end the engagement with 2 working days' notice, without giving a reason, and at once if the other side breaks these terms or safety is at risk. The Client pays for the time worked until then, and for times inside the notice that were held and could not be let again. The same notice holds where the rules of either employer no longer allow the engagement.`},
		{"facilitators", "Third parties", `Inspectors, carriers, heat treaters, insurers and others who help are engaged and paid by the side that names them. They are bound to the same confidentiality before they see anything.`},
	}, closing())
}

func guidance() []Clause {
	return slices.Concat(opening(), []Clause{
		{"scope", "What is done", `An expert employed by the Provider guides the Client on its way to a certification (category {{category}}, kind {{kind}}, mode {{mode}}): reviews, coaching and preparation for audits. The expert does not take part in an audit as auditor, and makes no decision for the Client.`},
		{"schedule", "Schedule", `The two people agree on the times of each week. A time that is cancelled less than 24 hours before is paid by the side that cancels: the Client pays it as worked, the Provider gives it again without charge.`},
	}, weekly(), []Clause{
		{"hours-cap", "Hours", `At most {{hours}} are worked in all. More hours need a new agreement before they are worked; without one they are not paid. The expert's duties to the Provider come first.`},
		{"price", "Price", `The Client pays {{rate}} {{currency}} for each hour worked, part of an hour in proportion, with sales tax on top where the law asks for it. Fees of the certification body are the Client's.`},
		payment(),
		{"acceptance", "Acceptance", `The expert records the hours of each week, and they count as accepted when the Client does not object within 5 working days. The engagement is complete when both sides mark the same hours.`},
		{"quality", "Care", `The expert works with the care that is usual in the trade. The Provider does not promise that the certificate is granted: that is decided by the certification body.`},
	}, secrecy(), []Clause{
		{"ip", "Intellectual property", `Each side keeps what it had before. The Client may use for itself, without limit, the documents made for it. Templates and checklists that the Provider brings stay the Provider's; the Client may use them inside its firm and not pass them on.`},
	}, loyalty(), []Clause{
		{"liability", "Limit of liability", `Neither side is liable for lost profit, a late certificate or a lost order. In all, each side is liable for at most the total price of this engagement. The limit does not hold for intent, gross negligence, injury to people, breach of confidentiality, or the price itself.`},
		{"insurance", "Insurance", `Each side keeps its own commercial general liability insurance. The expert stays insured against accidents at work by the Provider, on the Client's site as well.`},
		{"termination", "Ending early", `Either side may end the engagement with 5 working days' notice, without giving a reason. The Client pays for the time worked until then, and for the times already agreed inside the notice. The same notice holds where the rules of either employer no longer allow the engagement. If the expert leaves the Provider, the engagement ends on that day.`},
	}, closing())
}
