package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jcsnode/config"
	"jcsnode/findings"
	"jcsnode/models"
	"jcsnode/node"
	"jcsnode/offline"
)

func runCommand() *cobra.Command {
	var out, at string
	c := &cobra.Command{
		Use:   "run DIR --out DIR",
		Short: "read a folder of DICOM files offline: objects, previews and findings.json",
		Long: "run reads the study in a folder with the same pipeline as the node and writes to --out:\n" +
			"  findings.json   the decision, and for each slice its probability, lesion area and volume\n" +
			"  objects/        the DICOM objects\n" +
			"  previews/       a PNG of each\n" +
			"A folder with several studies gives one such folder for each, study-1, study-2 and so on. A study that cannot be\n" +
			"read is no error of the program: its findings.json has the state \"not processed\" and the reason.",
		Args: cobra.ExactArgs(1),
	}
	path := configFlag(c)
	c.Flags().StringVar(&out, "out", "", "`folder` for the results")
	c.Flags().StringVar(&at, "time", "",
		"date and time that the objects carry, RFC 3339; the same `time` gives the same bytes (default now)")
	c.MarkFlagRequired("out")
	c.RunE = func(c *cobra.Command, args []string) error {
		load := func() (config.Config, error) { return config.Load(*path) }
		if _, err := os.Stat(*path); err != nil && !c.Flags().Changed("config") {
			load = config.WithoutFile
		}
		cfg, err := load()
		if err != nil {
			return err
		}
		when := time.Now().Truncate(time.Second)
		if at != "" {
			if when, err = time.Parse(time.RFC3339, at); err != nil {
				return fmt.Errorf("--time: %w", err)
			}
		}
		studies, err := offline.Studies(args[0])
		if err != nil {
			return err
		}
		log := newLogger(cfg.Log)
		networks, err := node.OpenNetworks(cfg.Models, log)
		if err != nil {
			return err
		}
		defer networks.Close()
		reader := offline.Reader{
			Networks: node.Cascade(networks),
			Maker:    node.Maker(cfg, version, networks),
			Time:     when,
			Progress: newProgress(c.ErrOrStderr()).step,
		}
		for i, files := range studies {
			dir := out
			if len(studies) > 1 {
				dir = filepath.Join(out, fmt.Sprintf("study-%d", i+1))
			}
			read, err := reader.Read(c.Context(), files, dir)
			if err != nil {
				return err
			}
			printFindings(c.OutOrStdout(), &read.Findings)
			fmt.Fprintf(c.OutOrStdout(), "  findings      %s\n  objects       %d in %s\n  previews      %s\n",
				read.FindingsFile, len(read.Objects),
				read.ObjectsFolder, read.PreviewFolder)
		}
		return nil
	}
	return c
}

// printFindings says in a few lines what was found.
func printFindings(w io.Writer, r *findings.Findings) {
	fmt.Fprintf(w, "study %s\n", r.StudyInstanceUID)
	if r.Reason != nil {
		fmt.Fprintf(w, "  NOT PROCESSED %s\n", r.Reason.Text)
		if r.Reason.Remedy != "" {
			fmt.Fprintf(w, "  what to do    %s\n", r.Reason.Remedy)
		}
	}
	if d := r.Decision; d != nil {
		verdict := "NEGATIVE"
		if d.Positive {
			verdict = "POSITIVE"
		}
		fmt.Fprintf(w, "  %s      %s\n", verdict, strings.TrimPrefix(d.Text, strings.ToLower(verdict)+": "))
		for _, caution := range r.Cautions {
			fmt.Fprintf(w, "  caution       %s\n", caution)
		}
		for _, limit := range r.Limits {
			fmt.Fprintf(w, "  limit         %s\n", limit)
		}
		fmt.Fprintf(w, "  series        %s\n", r.ChosenBecause)
	}
	if l := r.Lesions; l != nil {
		fmt.Fprintf(w, "  lesions       %d, %.1f mL, %.1f %% of the lungs", l.Count, l.VolumeML, 100*r.Lungs.LesionShare)
		if l.OffLungs > 0 {
			fmt.Fprintf(w, "; %d off the lungs (%.1f mL) left out", l.OffLungs, l.OffLungsML)
		}
		if l.Specks > 0 {
			fmt.Fprintf(w, "; %d too small to count (%.2f mL) left out", l.Specks, l.SpecksML)
		}
		fmt.Fprintln(w)
		if l.PassedOver > 0 {
			fmt.Fprintf(w, "  segmented     %d slices; %d that no lung reaches were passed over\n", l.SegmentedSlices, l.PassedOver)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  note          %s\n", n)
	}
	for _, s := range r.RefusedSeries {
		fmt.Fprintf(w, "  not read      series %s: %s\n", s.SeriesInstanceUID, s.Text)
	}
	const most = 10
	for i, s := range r.RefusedInstances {
		if i == most {
			fmt.Fprintf(w, "  left out      and %d more: see findings.json\n", len(r.RefusedInstances)-most)
			break
		}
		fmt.Fprintf(w, "  left out      %s: %s\n", filepath.Base(s.Path), s.Text)
	}
	for _, m := range r.Models {
		if m.Status != models.StatusTrained {
			fmt.Fprintf(w, "  weights       %s %s is %s\n", m.Name, m.Version, m.Status)
		}
	}
	fmt.Fprintf(w, "  %s\n", r.Notice)
}
