// Package market holds the arithmetic of the exchange: the price estimate
// from comparables, the one agreed price that both private bounds allow, the
// fee, trust folded from outcomes, and the hours a firm owns but does not use.
//
// Money is integer cents, rates are cents per hour, and hours are counted in
// thousandths (2.5 h is 2500). Every function is pure: no clock, no state, no
// floating-point money. All are safe for concurrent use.
package market
