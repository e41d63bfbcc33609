<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en">
    <context>
        <name>paper_repo</name>
        <message>
            <source>Passphrase</source>
            <translation>Passwort</translation>
        </message>
        <message>
            <source>Paper trading</source>
            <translation>Papierhandel</translation>
        </message>
        <message>
            <source>Open database</source>
            <translation>Datenbank öffnen</translation>
        </message>
        <message>
            <source>Importing</source>
            <translation>Importiere</translation>
        </message>
        <message>
            <source>This file is encrypted. Its passphrase:</source>
            <translation>Diese Datei ist verschlüsselt. Ihr Passwort:</translation>
        </message>
        <message>
            <source>Import archive</source>
            <translation>Archiv importieren</translation>
        </message>
        <message>
            <source>There is no file</source>
            <translation>Es gibt keine Datei</translation>
        </message>
        <message>
            <source>All files</source>
            <translation>Alle Dateien</translation>
        </message>
        <message>
            <source>Nothing can be imported into a damaged file. Save what could be read of it first.</source>
            <translation>In eine beschädigte Datei kann nichts eingelesen werden. Bitte zuerst speichern, was davon lesbar ist.</translation>
        </message>
        <message>
            <source>Already there:</source>
            <translation>Schon vorhanden:</translation>
        </message>
        <message>
            <source>Imported:</source>
            <translation>Importiert:</translation>
        </message>
        <message>
            <source>Databases</source>
            <translation>Datenbanken</translation>
        </message>
        <message>
            <source>Archives</source>
            <translation>Archive</translation>
        </message>
        <message>
            <source>&amp;Save what could be read…</source>
            <translation>Lesbares &amp;speichern…</translation>
        </message>
        <message>
            <source>&amp;Back up now…</source>
            <translation>Jetzt &amp;sichern…</translation>
        </message>
        <message>
            <source>Back up by the &amp;clock</source>
            <translation>Sicherung nach der &amp;Uhr</translation>
        </message>
        <message>
            <source>Back up</source>
            <translation>Sichern</translation>
        </message>
        <message>
            <source>Never</source>
            <translation>Nie</translation>
        </message>
        <message>
            <source>Every hour</source>
            <translation>Jede Stunde</translation>
        </message>
        <message>
            <source>Every 4 hours</source>
            <translation>Alle 4 Stunden</translation>
        </message>
        <message>
            <source>Every day</source>
            <translation>Jeden Tag</translation>
        </message>
        <message>
            <source>Database</source>
            <translation>Datenbank</translation>
        </message>
        <message>
            <source>Backed up to</source>
            <translation>Gesichert nach</translation>
        </message>
        <message>
            <source>Equity chart</source>
            <translation>Kapitalkurve</translation>
        </message>
        <message>
            <source>No equity has been recorded yet</source>
            <translation>Noch ist kein Kapital aufgezeichnet</translation>
        </message>
        <message>
            <source>Equity</source>
            <translation>Kapital</translation>
        </message>
        <message>
            <source>drawdown</source>
            <translation>Rückgang</translation>
        </message>
        <message>
            <source>Comparison</source>
            <translation>Vergleich</translation>
        </message>
        <message>
            <source>Select several sessions to compare them</source>
            <translation>Mehrere Sitzungen wählen, um sie zu vergleichen</translation>
        </message>
        <message>
            <source>Fills are compared with those of the first session: same symbol and side, five minutes apart at most.</source>
            <translation>Ausführungen werden mit denen der ersten Sitzung verglichen: gleiches Symbol, gleiche Seite, höchstens fünf Minuten auseinander.</translation>
        </message>
        <message>
            <source>Name</source>
            <translation>Name</translation>
        </message>
        <message>
            <source>Net P&amp;L</source>
            <translation>Gewinn/Verlust</translation>
        </message>
        <message>
            <source>Total return</source>
            <translation>Rendite</translation>
        </message>
        <message>
            <source>Max drawdown</source>
            <translation>Max. Rückgang</translation>
        </message>
        <message>
            <source>Sharpe ratio</source>
            <translation>Sharpe Ratio</translation>
        </message>
        <message>
            <source>Sortino ratio</source>
            <translation>Sortino Ratio</translation>
        </message>
        <message>
            <source>Closed trades</source>
            <translation>Trades</translation>
        </message>
        <message>
            <source>Win rate</source>
            <translation>Trefferquote</translation>
        </message>
        <message>
            <source>Profit factor</source>
            <translation>Profitfaktor</translation>
        </message>
        <message>
            <source>Exposure</source>
            <translation>Investitionsgrad</translation>
        </message>
        <message>
            <source>Fees</source>
            <translation>Gebühren</translation>
        </message>
        <message>
            <source>Missed fills</source>
            <translation>Fehlende Ausführungen</translation>
        </message>
        <message>
            <source>Extra fills</source>
            <translation>Weitere Ausführungen</translation>
        </message>
        <message>
            <source>Slippage</source>
            <translation>Slippage</translation>
        </message>
        <message>
            <source>Speed, in days a second</source>
            <translation>Tempo, in Tagen je Sekunde</translation>
        </message>
        <message>
            <source>Resume</source>
            <translation>Fortsetzen</translation>
        </message>
        <message>
            <source>&amp;New session…</source>
            <translation>&amp;Neue Sitzung…</translation>
        </message>
        <message>
            <source>Begin &amp;anew</source>
            <translation>Neu &amp;beginnen</translation>
        </message>
        <message>
            <source>Speed</source>
            <translation>Tempo</translation>
        </message>
        <message>
            <source>running, not here</source>
            <translation>läuft, nicht hier</translation>
        </message>
        <message>
            <source>Crossover</source>
            <translation>Crossover</translation>
        </message>
        <message>
            <source>ran when the window was closed. Resume trading?</source>
            <translation>lief noch, als das Fenster geschlossen wurde. Weiterhandeln?</translation>
        </message>
        <message>
            <source>Not now</source>
            <translation>Nicht jetzt</translation>
        </message>
        <message>
            <source>days a second</source>
            <translation>Tage je Sekunde</translation>
        </message>
        <message>
            <source>day a second</source>
            <translation>Tag je Sekunde</translation>
        </message>
        <message>
            <source>It was deleted, by this or another program.</source>
            <translation>Die Sitzung wurde gelöscht, hier oder von einem anderen Programm.</translation>
        </message>
        <message>
            <source>This session has been deleted, by this or another program.</source>
            <translation>Diese Sitzung wurde gelöscht, hier oder von einem anderen Programm.</translation>
        </message>
        <message>
            <source>Another program trades it now; this window follows it.</source>
            <translation>Jetzt handelt sie ein anderes Programm; dieses Fenster folgt ihr.</translation>
        </message>
        <message>
            <source>Another program trades this strategy; start it there.</source>
            <translation>Diese Strategie handelt ein anderes Programm; bitte dort starten.</translation>
        </message>
        <message>
            <source>It has traded all the prices there are. Reset begins anew.</source>
            <translation>Alle vorhandenen Kurse sind gehandelt. „Neu beginnen“ fängt von vorn an.</translation>
        </message>
        <message>
            <source>Another program has changed it, to:</source>
            <translation>Ein anderes Programm hat sie geändert, jetzt:</translation>
        </message>
        <message>
            <source>Saving works again.</source>
            <translation>Das Speichern geht wieder.</translation>
        </message>
        <message>
            <source>New session</source>
            <translation>Neue Sitzung</translation>
        </message>
        <message>
            <source>Create and start</source>
            <translation>Anlegen und starten</translation>
        </message>
        <message>
            <source>&amp;Name</source>
            <translation>&amp;Name</translation>
        </message>
        <message>
            <source>Starting &amp;cash (USD)</source>
            <translation>Anfangs&amp;kapital (USD)</translation>
        </message>
        <message>
            <source>Symbols</source>
            <translation>Symbole</translation>
        </message>
        <message>
            <source>&amp;Fast average (days)</source>
            <translation>&amp;Schneller Durchschnitt (Tage)</translation>
        </message>
        <message>
            <source>&amp;Slow average (days)</source>
            <translation>&amp;Langsamer Durchschnitt (Tage)</translation>
        </message>
        <message>
            <source>Choose at least one symbol.</source>
            <translation>Bitte mindestens ein Symbol wählen.</translation>
        </message>
        <message>
            <source>The fast average must be of fewer days than the slow one.</source>
            <translation>Der schnelle Durchschnitt muss weniger Tage haben als der langsame.</translation>
        </message>
        <message>
            <source>from</source>
            <translation>von</translation>
        </message>
        <message>
            <source>to</source>
            <translation>auf</translation>
        </message>
        <message>
            <source>lowest</source>
            <translation>Tief</translation>
        </message>
        <message>
            <source>highest</source>
            <translation>Hoch</translation>
        </message>
        <message>
            <source>Fills</source>
            <translation>Ausführungen</translation>
        </message>
        <message>
            <source>No fills</source>
            <translation>Keine Ausführungen</translation>
        </message>
        <message>
            <source>Time</source>
            <translation>Zeit</translation>
        </message>
        <message>
            <source>Symbol</source>
            <translation>Symbol</translation>
        </message>
        <message>
            <source>Side</source>
            <translation>Seite</translation>
        </message>
        <message>
            <source>Quantity</source>
            <translation>Menge</translation>
        </message>
        <message>
            <source>Price</source>
            <translation>Kurs</translation>
        </message>
        <message>
            <source>Value</source>
            <translation>Wert</translation>
        </message>
        <message>
            <source>Fee</source>
            <translation>Gebühr</translation>
        </message>
        <message>
            <source>Order</source>
            <translation>Order</translation>
        </message>
        <message>
            <source>Id</source>
            <translation>Kennung</translation>
        </message>
        <message>
            <source>The session as JSON</source>
            <translation>Die Sitzung als JSON</translation>
        </message>
        <message>
            <source>Click to sort; right-click to choose columns</source>
            <translation>Klicken sortiert; rechts klicken wählt Spalten</translation>
        </message>
        <message>
            <source>Close message</source>
            <translation>Meldung schließen</translation>
        </message>
        <message>
            <source>The file is damaged. Reading what can be read of it:</source>
            <translation>Die Datei ist beschädigt. Gelesen wird, was davon lesbar ist:</translation>
        </message>
        <message>
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <source>&amp;Start</source>
            <translation>&amp;Starten</translation>
        </message>
        <message>
            <source>&amp;Pause</source>
            <translation>&amp;Pause</translation>
        </message>
        <message>
            <source>Resum&amp;e</source>
            <translation>&amp;Fortsetzen</translation>
        </message>
        <message>
            <source>S&amp;top</source>
            <translation>S&amp;topp</translation>
        </message>
        <message>
            <source>&amp;Rename…</source>
            <translation>&amp;Umbenennen…</translation>
        </message>
        <message>
            <source>&amp;Note…</source>
            <translation>&amp;Notiz…</translation>
        </message>
        <message>
            <source>Re&amp;port</source>
            <translation>&amp;Bericht</translation>
        </message>
        <message>
            <source>Save report as…</source>
            <translation>Bericht speichern unter…</translation>
        </message>
        <message>
            <source>Copy &amp;id</source>
            <translation>&amp;Kennung kopieren</translation>
        </message>
        <message>
            <source>&amp;Delete…</source>
            <translation>&amp;Löschen…</translation>
        </message>
        <message>
            <source>&amp;Undo delete</source>
            <translation>Löschen &amp;rückgängig</translation>
        </message>
        <message>
            <source>E&amp;xport</source>
            <translation>E&amp;xportieren</translation>
        </message>
        <message>
            <source>Export</source>
            <translation>Exportieren</translation>
        </message>
        <message>
            <source>Save report</source>
            <translation>Bericht speichern</translation>
        </message>
        <message>
            <source>and the whole equity curve go with it.</source>
            <translation>und die ganze Kapitalkurve gehen mit.</translation>
        </message>
        <message>
            <source>Delete</source>
            <translation>Löschen</translation>
        </message>
        <message>
            <source>&amp;Everything, as an archive…</source>
            <translation>&amp;Alles, als Archiv…</translation>
        </message>
        <message>
            <source>&amp;Fills, for a spreadsheet…</source>
            <translation>Aus&amp;führungen, für eine Tabelle…</translation>
        </message>
        <message>
            <source>E&amp;quity, for a spreadsheet…</source>
            <translation>&amp;Kapital, für eine Tabelle…</translation>
        </message>
        <message>
            <source>Rename session</source>
            <translation>Sitzung umbenennen</translation>
        </message>
        <message>
            <source>A program that trades it now has to load it again before it can save it.</source>
            <translation>Ein Programm, das sie gerade handelt, muss sie neu laden, ehe es sie speichern kann.</translation>
        </message>
        <message>
            <source>Archive</source>
            <translation>Archiv</translation>
        </message>
        <message>
            <source>It can be undone until the window is closed.</source>
            <translation>Bis zum Schließen des Fensters lässt es sich rückgängig machen.</translation>
        </message>
        <message>
            <source>This cannot be undone.</source>
            <translation>Das lässt sich nicht rückgängig machen.</translation>
        </message>
        <message>
            <source>Undo</source>
            <translation>Rückgängig</translation>
        </message>
        <message>
            <source>Deleted:</source>
            <translation>Gelöscht:</translation>
        </message>
        <message>
            <source>New name</source>
            <translation>Neuer Name</translation>
        </message>
        <message>
            <source>Report written to</source>
            <translation>Bericht geschrieben nach</translation>
        </message>
        <message>
            <source>fill</source>
            <translation>Ausführung</translation>
        </message>
        <message>
            <source>fills</source>
            <translation>Ausführungen</translation>
        </message>
        <message>
            <source>Brought back:</source>
            <translation>Zurückgeholt:</translation>
        </message>
        <message>
            <source>Note on</source>
            <translation>Notiz zu</translation>
        </message>
        <message>
            <source>Note, kept with the session</source>
            <translation>Notiz, die bei der Sitzung bleibt</translation>
        </message>
        <message>
            <source>Exported to</source>
            <translation>Exportiert nach</translation>
        </message>
        <message>
            <source>Search name, strategy, symbol or id</source>
            <translation>Name, Strategie, Symbol oder Kennung suchen</translation>
        </message>
        <message>
            <source>Search</source>
            <translation>Suche</translation>
        </message>
        <message>
            <source>Status</source>
            <translation>Status</translation>
        </message>
        <message>
            <source>Any status</source>
            <translation>Jeder Status</translation>
        </message>
        <message>
            <source>Strategy</source>
            <translation>Strategie</translation>
        </message>
        <message>
            <source>Any strategy</source>
            <translation>Jede Strategie</translation>
        </message>
        <message>
            <source>Created</source>
            <translation>Angelegt</translation>
        </message>
        <message>
            <source>Any time</source>
            <translation>Jederzeit</translation>
        </message>
        <message>
            <source>Today</source>
            <translation>Heute</translation>
        </message>
        <message>
            <source>Last 7 days</source>
            <translation>Letzte 7 Tage</translation>
        </message>
        <message>
            <source>Last 30 days</source>
            <translation>Letzte 30 Tage</translation>
        </message>
        <message>
            <source>This year</source>
            <translation>Dieses Jahr</translation>
        </message>
        <message>
            <source>Days…</source>
            <translation>Tage…</translation>
        </message>
        <message>
            <source>First day</source>
            <translation>Erster Tag</translation>
        </message>
        <message>
            <source>Last day</source>
            <translation>Letzter Tag</translation>
        </message>
        <message>
            <source>(no name)</source>
            <translation>(ohne Namen)</translation>
        </message>
        <message>
            <source>damaged:</source>
            <translation>beschädigt:</translation>
        </message>
        <message>
            <source>None</source>
            <translation>Nichts</translation>
        </message>
        <message>
            <source>Positions</source>
            <translation>Positionen</translation>
        </message>
        <message>
            <source>No open positions</source>
            <translation>Keine offenen Positionen</translation>
        </message>
        <message>
            <source>Orders</source>
            <translation>Orders</translation>
        </message>
        <message>
            <source>No orders</source>
            <translation>Keine Orders</translation>
        </message>
        <message>
            <source>Cash flows</source>
            <translation>Zahlungen</translation>
        </message>
        <message>
            <source>No cash flows</source>
            <translation>Keine Zahlungen</translation>
        </message>
        <message>
            <source>pending</source>
            <translation>wartet</translation>
        </message>
        <message>
            <source>open</source>
            <translation>offen</translation>
        </message>
        <message>
            <source>partly filled</source>
            <translation>teils ausgeführt</translation>
        </message>
        <message>
            <source>filled</source>
            <translation>ausgeführt</translation>
        </message>
        <message>
            <source>cancelled</source>
            <translation>storniert</translation>
        </message>
        <message>
            <source>rejected</source>
            <translation>abgelehnt</translation>
        </message>
        <message>
            <source>expired</source>
            <translation>verfallen</translation>
        </message>
        <message>
            <source>deposit</source>
            <translation>Einzahlung</translation>
        </message>
        <message>
            <source>withdrawal</source>
            <translation>Auszahlung</translation>
        </message>
        <message>
            <source>dividend</source>
            <translation>Dividende</translation>
        </message>
        <message>
            <source>interest</source>
            <translation>Zinsen</translation>
        </message>
        <message>
            <source>funding</source>
            <translation>Finanzierung</translation>
        </message>
        <message>
            <source>tax</source>
            <translation>Steuer</translation>
        </message>
        <message>
            <source>fee</source>
            <translation>Gebühr</translation>
        </message>
        <message>
            <source>other</source>
            <translation>Sonstiges</translation>
        </message>
        <message>
            <source>Trades</source>
            <translation>Trades</translation>
        </message>
        <message>
            <source>No closed trades</source>
            <translation>Keine abgeschlossenen Trades</translation>
        </message>
        <message>
            <source>buy</source>
            <translation>Kauf</translation>
        </message>
        <message>
            <source>sell</source>
            <translation>Verkauf</translation>
        </message>
        <message>
            <source>long</source>
            <translation>long</translation>
        </message>
        <message>
            <source>short</source>
            <translation>short</translation>
        </message>
        <message>
            <source>Average</source>
            <translation>Einstand</translation>
        </message>
        <message>
            <source>Last</source>
            <translation>Letzter</translation>
        </message>
        <message>
            <source>Unrealized P&amp;L</source>
            <translation>Unrealisiert</translation>
        </message>
        <message>
            <source>Opened</source>
            <translation>Eröffnet</translation>
        </message>
        <message>
            <source>Type</source>
            <translation>Art</translation>
        </message>
        <message>
            <source>Filled</source>
            <translation>Ausgeführt</translation>
        </message>
        <message>
            <source>Limit</source>
            <translation>Limit</translation>
        </message>
        <message>
            <source>Stop price</source>
            <translation>Stop</translation>
        </message>
        <message>
            <source>Valid</source>
            <translation>Gültig</translation>
        </message>
        <message>
            <source>Placed</source>
            <translation>Aufgegeben</translation>
        </message>
        <message>
            <source>Closed</source>
            <translation>Geschlossen</translation>
        </message>
        <message>
            <source>Kind</source>
            <translation>Art</translation>
        </message>
        <message>
            <source>Amount</source>
            <translation>Betrag</translation>
        </message>
        <message>
            <source>Currency</source>
            <translation>Währung</translation>
        </message>
        <message>
            <source>Entry</source>
            <translation>Einstieg</translation>
        </message>
        <message>
            <source>Exit</source>
            <translation>Ausstieg</translation>
        </message>
        <message>
            <source>Duration</source>
            <translation>Dauer</translation>
        </message>
        <message>
            <source>of</source>
            <translation>von</translation>
        </message>
        <message>
            <source>Shown are the latest</source>
            <translation>Gezeigt werden die neuesten</translation>
        </message>
        <message>
            <source>Sessions</source>
            <translation>Sitzungen</translation>
        </message>
        <message>
            <source>Return</source>
            <translation>Rendite</translation>
        </message>
        <message>
            <source>Updated</source>
            <translation>Geändert</translation>
        </message>
        <message>
            <source>There are no sessions yet. They appear here as soon as a program saves one.</source>
            <translation>Noch gibt es keine Sitzungen. Sie erscheinen hier, sobald ein Programm eine speichert.</translation>
        </message>
        <message>
            <source>No session passes the filter. Press Esc in the search to clear it.</source>
            <translation>Keine Sitzung passt zum Filter. Esc im Suchfeld leert es.</translation>
        </message>
        <message>
            <source>Keyboard</source>
            <translation>Tastatur</translation>
        </message>
        <message>
            <source>Search sessions, leave the search</source>
            <translation>Sitzungen suchen, Suche verlassen</translation>
        </message>
        <message>
            <source>Go to a tab</source>
            <translation>Zu einem Reiter</translation>
        </message>
        <message>
            <source>In the chart: read point by point</source>
            <translation>In der Kurve: Punkt für Punkt ablesen</translation>
        </message>
        <message>
            <source>In the chart: earlier, later</source>
            <translation>In der Kurve: früher, später</translation>
        </message>
        <message>
            <source>In the chart: zoom in, zoom out, all of it</source>
            <translation>In der Kurve: vergrößern, verkleinern, alles</translation>
        </message>
        <message>
            <source>In a table: copy the selected rows</source>
            <translation>In einer Tabelle: gewählte Zeilen kopieren</translation>
        </message>
        <message>
            <source>Next and previous part of the window</source>
            <translation>Nächster und voriger Teil des Fensters</translation>
        </message>
        <message>
            <source>other program</source>
            <translation>weiteren Programm</translation>
        </message>
        <message>
            <source>other programs</source>
            <translation>weiteren Programmen</translation>
        </message>
        <message>
            <source>open here only</source>
            <translation>nur hier geöffnet</translation>
        </message>
        <message>
            <source>last written</source>
            <translation>zuletzt geschrieben</translation>
        </message>
        <message>
            <source>open in</source>
            <translation>geöffnet in</translation>
        </message>
        <message>
            <source>selected</source>
            <translation>gewählt</translation>
        </message>
        <message>
            <source>Copy rows</source>
            <translation>Zeilen kopieren</translation>
        </message>
        <message>
            <source>All columns as at first</source>
            <translation>Alle Spalten wie anfangs</translation>
        </message>
        <message>
            <source>The file is damaged, and nothing is written to it. What could be read is shown:</source>
            <translation>Die Datei ist beschädigt, und es wird nichts in sie geschrieben. Gezeigt wird, was lesbar ist:</translation>
        </message>
        <message>
            <source>new</source>
            <translation>neu</translation>
        </message>
        <message>
            <source>running</source>
            <translation>läuft</translation>
        </message>
        <message>
            <source>paused</source>
            <translation>pausiert</translation>
        </message>
        <message>
            <source>stopped</source>
            <translation>gestoppt</translation>
        </message>
        <message>
            <source>failed</source>
            <translation>gescheitert</translation>
        </message>
        <message>
            <source>session</source>
            <translation>Sitzung</translation>
        </message>
        <message>
            <source>sessions</source>
            <translation>Sitzungen</translation>
        </message>
        <message>
            <source>Save it as a new file, or restore a backup.</source>
            <translation>Bitte als neue Datei speichern, oder eine Sicherung zurückspielen.</translation>
        </message>
        <message>
            <source>Restore a backup, or rescue the rest with: paper-repo salvage NEW-FILE</source>
            <translation>Bitte eine Sicherung zurückspielen, oder den Rest retten mit: paper-repo salvage NEUE-DATEI</translation>
        </message>
        <message>
            <source>The server cannot be reached. See whether it runs and the address is right, then open it again.</source>
            <translation>Der Server ist nicht erreichbar. Bitte nachsehen, ob er läuft und die Adresse stimmt, dann noch einmal öffnen.</translation>
        </message>
        <message>
            <source>The server cannot be reached. What is shown may be old; it is tried again.</source>
            <translation>Der Server ist nicht erreichbar. Das Gezeigte kann veraltet sein; es wird weiter versucht.</translation>
        </message>
        <message>
            <source>The disk is full. Nothing is lost; make room, and it goes on.</source>
            <translation>Die Platte ist voll. Nichts ist verloren; bitte Platz schaffen, dann geht es weiter.</translation>
        </message>
        <message>
            <source>Unexpected error:</source>
            <translation>Unerwarteter Fehler:</translation>
        </message>
        <message>
            <source>Another program has changed or deleted it meanwhile. What is stored now is shown; try again.</source>
            <translation>Ein anderes Programm hat sie inzwischen geändert oder gelöscht. Gezeigt wird der jetzige Stand; bitte noch einmal versuchen.</translation>
        </message>
        <message>
            <source>Another program is writing to the file just now. Nothing is lost; wait a moment, or try again.</source>
            <translation>Gerade schreibt ein anderes Programm in die Datei. Nichts ist verloren; bitte kurz warten oder noch einmal versuchen.</translation>
        </message>
        <message>
            <source>The disk is full, and nothing was changed. Make room, and try again.</source>
            <translation>Die Platte ist voll, und nichts wurde geändert. Bitte Platz schaffen und es noch einmal versuchen.</translation>
        </message>
        <message>
            <source>The file cannot be written. Nothing is lost; check its permissions and those of its folder.</source>
            <translation>Die Datei lässt sich nicht schreiben. Nichts ist verloren; bitte die Rechte der Datei und ihres Ordners prüfen.</translation>
        </message>
        <message>
            <source>The file, or this session in it, is damaged. Keep a copy of it, and restore a backup.</source>
            <translation>Die Datei oder diese Sitzung darin ist beschädigt. Bitte eine Kopie aufheben und eine Sicherung zurückspielen.</translation>
        </message>
        <message>
            <source>The passphrase does not open this file. Try another one.</source>
            <translation>Das Passwort öffnet diese Datei nicht. Bitte ein anderes versuchen.</translation>
        </message>
        <message>
            <source>A newer version of this program has written the file. Update this program to open it.</source>
            <translation>Die Datei stammt von einer neueren Version. Bitte dieses Programm aktualisieren.</translation>
        </message>
        <message>
            <source>This is no file of paper-trading sessions, and it was not touched. Choose another one.</source>
            <translation>Das ist keine Datei mit Sitzungen, und sie blieb unberührt. Bitte eine andere wählen.</translation>
        </message>
        <message>
            <source>The server cannot be reached. When it can, see what is stored, and try again.</source>
            <translation>Der Server ist nicht erreichbar. Sobald er es wieder ist, bitte nachsehen, was gespeichert ist, und es noch einmal versuchen.</translation>
        </message>
        <message>
            <source>The others are sound.</source>
            <translation>Die anderen sind heil.</translation>
        </message>
        <message>
            <source>The archive cannot be read, and nothing of it is stored:</source>
            <translation>Das Archiv ist nicht lesbar, und nichts davon wurde gespeichert:</translation>
        </message>
        <message>
            <source>part is lost</source>
            <translation>Teil ist verloren</translation>
        </message>
        <message>
            <source>parts are lost</source>
            <translation>Teile sind verloren</translation>
        </message>
        <message>
            <source>Damaged, and shown by their ids alone:</source>
            <translation>Beschädigt, und nur mit ihrer Kennung gezeigt:</translation>
        </message>
        <message>
            <source>This session is damaged, and can be read in part at most.</source>
            <translation>Diese Sitzung ist beschädigt und höchstens teilweise lesbar.</translation>
        </message>
        <message>
            <source>JSON</source>
            <translation>JSON</translation>
        </message>
        <message>
            <source>&amp;File</source>
            <translation>&amp;Datei</translation>
        </message>
        <message>
            <source>&amp;Open…</source>
            <translation>Ö&amp;ffnen…</translation>
        </message>
        <message>
            <source>Open &amp;recent</source>
            <translation>Zuletzt &amp;geöffnet</translation>
        </message>
        <message>
            <source>&amp;Import archive…</source>
            <translation>Archiv &amp;importieren…</translation>
        </message>
        <message>
            <source>&amp;Close</source>
            <translation>S&amp;chließen</translation>
        </message>
        <message>
            <source>&amp;Session</source>
            <translation>&amp;Sitzung</translation>
        </message>
        <message>
            <source>&amp;View</source>
            <translation>&amp;Ansicht</translation>
        </message>
        <message>
            <source>&amp;Search</source>
            <translation>&amp;Suche</translation>
        </message>
        <message>
            <source>&amp;Clear filter</source>
            <translation>Filter &amp;leeren</translation>
        </message>
        <message>
            <source>&amp;Whole curve</source>
            <translation>&amp;Ganze Kurve</translation>
        </message>
        <message>
            <source>Zoom &amp;in</source>
            <translation>Ver&amp;größern</translation>
        </message>
        <message>
            <source>Zoom &amp;out</source>
            <translation>Ver&amp;kleinern</translation>
        </message>
        <message>
            <source>&amp;Refresh</source>
            <translation>&amp;Neu lesen</translation>
        </message>
        <message>
            <source>&amp;Help</source>
            <translation>&amp;Hilfe</translation>
        </message>
        <message>
            <source>&amp;Keyboard</source>
            <translation>&amp;Tastatur</translation>
        </message>
        <message>
            <source>The file is damaged, and nothing more is written to it. See what can be read, or restore a backup.</source>
            <translation>Die Datei ist beschädigt, und es wird nichts mehr in sie geschrieben. Bitte ansehen, was lesbar ist, oder eine Sicherung zurückspielen.</translation>
        </message>
        <message>
            <source>Sort &amp;by</source>
            <translation>&amp;Sortieren nach</translation>
        </message>
        <message>
            <source>C&amp;olumns</source>
            <translation>Sp&amp;alten</translation>
        </message>
        <message>
            <source>Show what can be read</source>
            <translation>Lesbares zeigen</translation>
        </message>
        <message>
            <source>damaged, read-only</source>
            <translation>beschädigt, nur lesbar</translation>
        </message>
        <message>
            <source>Save as…</source>
            <translation>Speichern unter…</translation>
        </message>
        <message>
            <source>The database can be read again.</source>
            <translation>Die Datenbank ist wieder lesbar.</translation>
        </message>
    </context>
</TS>
