package main

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// page is docs/lungs.md.
func page(commit string, all []result) string {
	var b strings.Builder
	// @ stands for the quote that ends Go's raw text.
	fmt.Fprintf(&b, strings.ReplaceAll(`# Lung volumes

How the lung mask (@pipeline/lung@, @pipeline/chest@) does against masks of radiologists and against changes that must not change a volume.
Written by @go run ./bench/lungs@ at commit %s; everything is in the package @phantom/alter@ and the data folder.

Against radiologists: @seg20@ (crops to the lungs) and @seg20rp@ (whole slices), COVID-19. Against itself: two phantoms, the studies
@normal_001@, @covid_p001@, @lidc_0003@ and the upper half of a trunk (@head_to_mid_chest@), each compared with its own mask before the
change. Numbers are how far the volume is off, in percent; Dice is the least.

What is weak: a mean of -945 HU in crops whose lungs touch the border of the picture reads as the air around a patient in some slices (half
of a lung lost); whole slices of the same density do not. Consolidation that holds no air is missing (@coronacases_003@).

## Radiologists' masks
`, "@", "`"), commit)
	table(&b, keep(all, func(r result) bool { return drawn(r) }))
	b.WriteString("\n## Changes to whole scans\n")
	table(&b, keep(all, func(r result) bool { return !drawn(r) }))
	return b.String()
}

func drawn(r result) bool {
	return strings.HasPrefix(r.scan, "coronacases") || strings.HasPrefix(r.scan, "radiopaedia")
}

func keep(all []result, want func(result) bool) []result {
	return slices.DeleteFunc(slices.Clone(all), func(r result) bool { return !want(r) })
}

// table writes a row for each group of changes.
func table(b *strings.Builder, all []result) {
	b.WriteString("| change | volumes | least | 5 % | median | 95 % | most | least Dice | worst case |\n" +
		"| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	var groups []string
	for _, r := range all {
		if !slices.Contains(groups, r.group) {
			groups = append(groups, r.group)
		}
	}
	for _, g := range groups {
		rows := keep(all, func(r result) bool { return r.group == g })
		slices.SortFunc(rows, func(a, b result) int {
			return int(math.Copysign(1, a.off()-b.off()))
		})
		at := func(p float64) float64 { return 100 * rows[int(math.Round(p*float64(len(rows)-1)))].off() }
		worst, dice := rows[0], rows[0].dice
		for _, r := range rows {
			if math.Abs(r.off()) > math.Abs(worst.off()) {
				worst = r
			}
			dice = min(dice, r.dice)
		}
		fmt.Fprintf(b, "| %s | %d | %+.1f | %+.1f | %+.1f | %+.1f | %+.1f | %.3f | %s: %s |\n",
			g, len(rows), at(0), at(.05), at(.5), at(.95), at(1), dice, worst.scan, worst.change)
	}
}
