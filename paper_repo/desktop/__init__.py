"""A desktop program around one async repository.

`app` opens and closes everything, `desk` trades (it knows no Qt), `window` shows what is stored, `tables` are its
tables, `chart` its chart, `texts` how numbers and errors read, `theme` its colours.
"""
