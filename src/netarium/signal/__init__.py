"""What a frame is on the line: preamble, FCS, line codes, waveforms."""
