"""How does what happens in the shop become features of the present, again and again? Runs in the service's worker.

shapes (columns of rows) · reading (RFID3's rows and the events of some classes) · reference (what changes rarely; the moment) · touched
(which classes may have changed) · joining (each scan and line once) · fleet (units, and what became of them) · facts (dated, in
their stores) · values (features of the facts) · passes (kept, published, noted) · looking (is there anything new?) · new_week (asks for a
refresh) · duty (what the worker attends to).
"""
