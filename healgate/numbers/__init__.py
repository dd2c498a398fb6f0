"""From rows to rates, and from rates to the gate's word. Pure but for the baseline file."""
